import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { Outcome } from '../../kube/index.ts';
import { followUndo, revisionsOf, withAbortReason } from '../plan/controller/index.ts';
import type { StepperResult } from '../plan/steps/types.ts';
import type { Decider } from './decider.ts';
import { type Doer, idleMs } from './doer.ts';
import { type FederatedObjects, pinsOf } from './federated-objects.ts';
import type { Leaver } from './leaver.ts';
import type { Memory } from './memory.ts';
import type { RolloutControllerOptions } from './options.ts';
import type { Source } from './resolve-source.ts';
import type { RevisionStore } from './revision-store.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { type Run, viewOf } from './run.ts';
import type { SourceReader } from './source-reader.ts';
import type { Teller } from './teller.ts';
import { Trouble, trouble } from './trouble.ts';

export interface RoundsDeps {
  readonly options: RolloutControllerOptions;
  readonly federated: FederatedObjects;
  readonly revisions: RevisionStore;
  readonly sources: SourceReader;
  readonly decider: Decider;
  readonly doer: Doer;
  readonly leaver: Leaver;
  readonly teller: Teller;
}

const defaultHistoryLimit = 10;

/** One round of one rollout: observe, decide, tell, act. */
export class RolloutRounds {
  readonly #deps: RoundsDeps;

  constructor(deps: RoundsDeps) {
    this.#deps = deps;
  }

  async round(record: RolloutRecord, memory: Memory, signal: AbortSignal): Promise<Outcome> {
    const { options, teller } = this.#deps;
    const { members } = options;
    // Nobody is lost before the first probe has ended.
    if (members.list().some(({ health }) => health.kind === 'unknown'))
      return { again: 'after', afterMs: 200 };
    try {
      return await this.#goOn(record, memory, signal);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      await teller.tellTrouble(record, error, signal);
      const { retry } = error;
      return { again: 'after', afterMs: typeof retry === 'object' ? retry.afterMs : 30_000 };
    }
  }

  async #goOn(record: RolloutRecord, memory: Memory, signal: AbortSignal): Promise<Outcome> {
    const { options, federated, sources, decider, doer, leaver, teller } = this.#deps;
    if (!record.spec.ok) throw trouble('InvalidSpec', record.spec.message);
    const spec = record.spec.value;
    const before = record.status ?? {};
    if (spec.source.federatedRef && !federated.isReady) return { again: 'after', afterMs: 100 };
    if (before.observedGeneration !== record.generation) await leaver.dropStrayPins(record, spec, signal);

    const found = await sources.read(record, spec, before, signal);
    if (!found) return { again: 'after', afterMs: 300 };
    const followed = followUndo(spec.command?.undoTo, before.undo, found.revision);
    if (found.kind === 'workload' && followed.revision !== found.revision) {
      throw trouble(
        'InvalidSpec',
        'spec.command.undoTo: what others edit is undone where it is edited, such as with "kubectl rollout undo"',
      );
    }
    await sources.keep(record, found, signal);
    const wanted = await sources.recorded(record, followed.revision, signal);
    if (!wanted) {
      throw trouble(
        'InvalidSpec',
        `spec.command.undoTo: revision "${followed.revision}" is not kept; "hansa rollout history" shows those that are`,
      );
    }
    const gates = memory.desk.fold(before.gates);
    const adopted = sources.adopt(record, before, found);
    if (!adopted.isKnown) return { again: 'after', afterMs: 300 };
    const state: RolloutStatus = {
      ...before,
      ...(gates ? { gates: [...gates] } : {}),
      ...(adopted.stable === undefined ? {} : { stableRevision: adopted.stable }),
    };
    const { run, observed, result } = await decider.decide(
      record,
      spec,
      found,
      state,
      wanted,
      memory,
      signal,
    );

    const { undo: _, ...decided } = withAbortReason(before, result.status, {
      abort: spec.command?.abort,
      reason: record.abortReason,
    });
    const status: RolloutStatus = {
      ...decided,
      observedGeneration: record.generation,
      ...(followed.undo ? { undo: followed.undo } : {}),
    };
    await teller.write(record, status, signal);
    const view = viewOf(run);
    for (const transition of result.transitions) teller.tell(record, view, transition);
    teller.measure(record, status, memory);
    memory.desk.ask(result.questions, view, signal);

    const isMoving = await doer.act(run, status, observed, result, memory, signal);
    await this.#prune(record, spec, status, found, signal);
    return this.#next(run, status, result, isMoving, options.rng());
  }

  /** Old revisions beyond the limit go, but none that a cluster has or may go back to. */
  async #prune(
    record: RolloutRecord,
    spec: RolloutSpec,
    status: RolloutStatus,
    found: Source,
    signal: AbortSignal,
  ): Promise<void> {
    const pins = found.kind === 'federated' ? revisionsOf(pinsOf(found.entry)) : [];
    const keep = new Set(
      [
        found.revision,
        status.revision,
        status.stableRevision,
        status.undo?.to,
        spec.command?.undoTo,
        ...pins,
        ...(status.clusters ?? []).map(({ revision }) => revision),
      ].filter((each) => each !== undefined),
    );
    await this.#deps.revisions.prune(
      record,
      { limit: spec.historyLimit ?? defaultHistoryLimit, keep },
      signal,
    );
  }

  #next(run: Run, status: RolloutStatus, result: StepperResult, isMoving: boolean, random: number): Outcome {
    const pollMs = pollAfterMs(run, status, isMoving);
    const jittered = pollMs === undefined ? undefined : pollMs * (0.75 + 0.5 * random);
    const waits = [jittered, result.wakeAfterMs].filter((each) => each !== undefined);
    return waits.length === 0 ? { again: 'on-change' } : { again: 'after', afterMs: Math.min(...waits) };
  }
}

/** How soon to look again, should nothing wake the rollout before; undefined where there is nothing to see. */
function pollAfterMs(run: Run, status: RolloutStatus, isMoving: boolean): number | undefined {
  if (isMoving) return 250;
  switch (status.phase) {
    case 'Progressing':
    case 'Reverting':
      return 750;
    case 'Paused':
    case 'WaitingForApproval':
    case 'Soaking':
    case 'Blocked':
    case 'Failed':
      return 2_000;
    case 'Idle':
    case 'Completed':
    case 'Aborted':
    case undefined: {
      const isSettled = (status.clusters ?? []).every(
        ({ phase }) => phase === 'Done' || phase === 'Reverted',
      );
      // Propagation keeps these in line, and every change of them is heard of.
      return run.source.kind === 'federated' && run.plan.mode === 'InPlace' && isSettled ? undefined : idleMs;
    }
  }
}
