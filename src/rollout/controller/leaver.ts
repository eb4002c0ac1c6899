import { noRevision } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import {
  type RolloutSpec,
  type RolloutStatus,
  rolloutAddress,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { rolloutFinalizer } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';
import { isReady } from '../../members/index.ts';
import { type FederatedObjects, pinsOf } from './federated-objects.ts';
import { makePlan } from './make-plan.ts';
import type { Memory } from './memory.ts';
import type { Modes, RolloutControllerOptions } from './options.ts';
import { objectsIn, type Source, targetOf } from './resolve-source.ts';
import { type RolloutRecord, subjectOf } from './rollout-record.ts';
import { fleetOf, type Run, viewOf } from './run.ts';
import type { SourceReader } from './source-reader.ts';
import { Trouble } from './trouble.ts';

export interface LeaverDeps {
  readonly options: RolloutControllerOptions;
  readonly federated: FederatedObjects;
  readonly sources: SourceReader;
  readonly modes: Modes;
}

/** How long a deletion waits for members that refuse to be tidied up. */
const leavePatienceMs = 60_000;

/** Ends what a Rollout began, when it goes or names another object. */
export class Leaver {
  readonly #deps: LeaverDeps;

  constructor(deps: LeaverDeps) {
    this.#deps = deps;
  }

  /** Members are put in order as far as they can be reached, pins go, then the Rollout may. */
  async takeLeave(record: RolloutRecord, memory: Memory, signal: AbortSignal): Promise<Outcome> {
    if (!record.hasFinalizer) return { again: 'on-change' };
    const { federated, options } = this.#deps;
    const ref = record.spec.ok ? record.spec.value.source.federatedRef : undefined;
    if (ref && !federated.isReady) return { again: 'after', afterMs: 100 };
    if (options.members.list().some(({ health }) => health.kind === 'unknown')) {
      return { again: 'after', afterMs: 200 };
    }
    const failures = await this.#leaveMembers(record, memory, signal);
    if (failures.length > 0) {
      memory.leftAtMs ??= options.clock.monotonic();
      if (options.clock.monotonic() - memory.leftAtMs < leavePatienceMs) {
        return { again: 'after', afterMs: 2_000 };
      }
      options.tell?.(subjectOf(record), {
        type: 'Warning',
        reason: 'ClusterFailed',
        action: 'Delete',
        note: `left as it is: ${failures.join('; ')}`,
      });
    }
    for (const entry of federated.values(record.namespace)) {
      if (pinsOf(entry)?.rollout === record.name) await federated.writePins(entry, undefined, signal);
    }
    await this.#removeFinalizer(record, signal);
    return { again: 'on-change' };
  }

  async #leaveMembers(
    record: RolloutRecord,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { status = {} } = record;
    const run = await this.#lastRun(record, status, signal);
    if (!run) return [];
    const mode = this.#deps.modes[run.plan.mode];
    if (!mode) return [];
    const reachable = (status.clusters ?? []).flatMap(({ name }) => {
      const member = this.#deps.options.members.get(name);
      return member && isReady(member) ? [member] : [];
    });
    const failures = await memory.calls.act(
      reachable,
      (name) => viewOf(run, name),
      signal,
      (call) => mode.leave(call),
    );
    return [...failures].map(([name, { message }]) => `${name}: ${message}`);
  }

  /** As much of the last run as is left; undefined where nothing was ever begun. */
  async #lastRun(
    record: RolloutRecord,
    status: RolloutStatus,
    signal: AbortSignal,
  ): Promise<Run | undefined> {
    if (!record.spec.ok) return undefined;
    const spec = record.spec.value;
    const contender = await this.#deps.sources.recorded(
      record,
      status.revision ?? status.stableRevision ?? noRevision,
      signal,
    );
    if (!contender) return undefined;
    const { federatedRef, workloadRef } = spec.source;
    const kind = federatedRef?.kind.replace(/^Federated/, '') ?? workloadRef?.kind;
    try {
      const objects = objectsIn(contender.content);
      const source: Source = workloadRef
        ? { kind: 'workload', revision: contender.hash, fleet: fleetOf(contender) }
        : { kind: 'objects', revision: contender.hash, objects: async () => objects };
      const name = federatedRef?.name;
      const target =
        name === undefined
          ? targetOf(spec, source, objects)
          : { apiVersion: kind === 'Deployment' ? 'apps/v1' : 'v1', kind: kind ?? '', name };
      const members = (status.clusters ?? []).map((each) => each.name);
      const plan = makePlan(record, spec, this.#deps.options.members, {
        targetKind: target?.kind,
        selected: federatedRef ? members : undefined,
      });
      const stable = await this.#deps.sources.recorded(record, status.stableRevision ?? noRevision, signal);
      return { record, spec, plan, source, target, state: status, contender, stable };
    } catch (error) {
      if (error instanceof Trouble) return undefined;
      throw error;
    }
  }

  async #removeFinalizer(record: RolloutRecord, signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.options.host.patch(
        rolloutAddress,
        record,
        {
          metadata: {
            uid: record.uid,
            resourceVersion: record.resourceVersion,
            finalizers: record.finalizers.filter((each) => each !== rolloutFinalizer),
          },
        },
        { type: 'merge', signal },
      );
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
    }
  }

  /** The source names another object now: the one before is free. */
  async dropStrayPins(record: RolloutRecord, spec: RolloutSpec, signal: AbortSignal): Promise<void> {
    const { federated } = this.#deps;
    const ref = spec.source.federatedRef;
    for (const entry of federated.values(record.namespace)) {
      const isCurrent = ref?.kind === entry.row.federatedKind && ref.name === entry.name;
      if (!isCurrent && pinsOf(entry)?.rollout === record.name) {
        await federated.writePins(entry, undefined, signal);
      }
    }
  }
}
