import { noRevision } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { Cache } from '../../kube/index.ts';
import type { RolloutMode } from '../mode.ts';
import { blockedBy, type Block, refusalOf } from '../plan/controller/index.ts';
import { decideRollout } from '../plan/steps/index.ts';
import type { MemberObserved, RolloutPlan, StepperResult } from '../plan/steps/types.ts';
import { pinsOf } from './federated-objects.ts';
import { makePlan, modeOf } from './make-plan.ts';
import type { Memory } from './memory.ts';
import type { Modes, RolloutControllerOptions } from './options.ts';
import { objectsIn, type Source, targetOf } from './resolve-source.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { commandOf, feasible, inFleetWords, type Recorded, type Run, viewOf } from './run.ts';
import type { SourceReader } from './source-reader.ts';
import { trouble } from './trouble.ts';

export interface DeciderDeps {
  readonly options: RolloutControllerOptions;
  readonly blocks: Cache<Block & { readonly resourceVersion: string }>;
  readonly sources: SourceReader;
  readonly modes: Modes;
}

/** Looks at the members of a rollout, and says where each goes. */
export class Decider {
  readonly #deps: DeciderDeps;

  constructor(deps: DeciderDeps) {
    this.#deps = deps;
  }

  async decide(
    record: RolloutRecord,
    spec: RolloutSpec,
    source: Source,
    state: RolloutStatus,
    wanted: Recorded,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<{
    readonly run: Run;
    readonly observed: ReadonlyMap<string, MemberObserved>;
    readonly result: StepperResult;
  }> {
    const { options, blocks, modes } = this.#deps;
    const stable = await this.#deps.sources.recorded(record, state.stableRevision ?? noRevision, signal);
    const target = targetOf(spec, source, objectsIn(wanted.content));
    const selected = source.kind === 'federated' ? source.selected : undefined;
    const asked = makePlan(record, spec, options.members, { targetKind: target?.kind, selected });
    if (asked.waves.every(({ members }) => members.length === 0)) {
      throw trouble(
        'NoClusters',
        source.kind === 'federated'
          ? 'the placement of the federated object, or that of its FederatedNamespace, selects no cluster'
          : 'spec.placement selects no cluster that has joined',
        5_000,
      );
    }
    const plan = feasible(asked, source, target, wanted.content);
    const mode = modeOf(plan, modes);
    let contender = (await this.#unfinished(record, state, wanted, plan, signal)) ?? wanted;
    for (let turn = 1; ; turn++) {
      const run: Run = { record, spec, plan, source, target, state, contender, stable };
      const observed = await this.#observe(run, mode, memory, signal);
      const result = decideRollout({
        plan,
        revision: wanted.hash,
        stableRevision: state.stableRevision,
        state,
        command: commandOf(spec),
        observed,
        blockedBy: blockedBy([...blocks.values()], {
          namespace: record.namespace,
          override: spec.blocks?.override ?? [],
        }),
        nowMs: options.clock.now(),
      });
      const decidedOn = result.status.revision ?? wanted.hash;
      if (decidedOn === contender.hash || turn === 2) return { run, observed, result };
      // A run that is taken back first is about another revision than the source's: members are looked at for that one.
      contender = (await this.#deps.sources.recorded(record, decidedOn, signal)) ?? contender;
    }
  }

  /** The revision of a run that must be taken back before the wanted one may start. */
  async #unfinished(
    record: RolloutRecord,
    state: RolloutStatus,
    wanted: Recorded,
    plan: RolloutPlan,
    signal: AbortSignal,
  ): Promise<Recorded | undefined> {
    const { revision, stableRevision, phase } = state;
    if (revision === undefined || revision === wanted.hash) return undefined;
    const isUnderWay = revision !== stableRevision && phase !== 'Aborted';
    const goesBack = wanted.hash === stableRevision || plan.mode === 'SideBySide';
    return isUnderWay && goesBack ? this.#deps.sources.recorded(record, revision, signal) : undefined;
  }

  async #observe(
    run: Run,
    mode: RolloutMode,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, MemberObserved>> {
    const names = run.plan.waves.flatMap(({ members }) => members);
    const seen = await memory.calls.observe(
      names.map((name) => ({ name, member: this.#deps.options.members.get(name) })),
      mode,
      (name) => viewOf(run, name),
      signal,
    );
    return new Map(
      [...seen].map(([name, each]) => [name, withRefusal(run, name, inFleetWords(run, name, each))]),
    );
  }
}

/** Where propagation was refused, the stepper waits in vain: a person must read why. */
function withRefusal({ source, contender }: Run, name: string, observed: MemberObserved): MemberObserved {
  if (source.kind !== 'federated' || observed.kind !== 'seen' || observed.problem) return observed;
  const pins = pinsOf(source.entry);
  const isMeant = (pins?.members[name] ?? pins?.others) === contender.hash;
  const refusal =
    isMeant && !observed.installed
      ? refusalOf(source.entry.status?.clusters?.find((entry) => entry.name === name))
      : undefined;
  return refusal === undefined
    ? observed
    : { ...observed, problem: { reason: 'ClusterFailed', message: refusal } };
}
