import type { RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { Clock, Logger } from '../../base/index.ts';
import { isReady } from '../../members/index.ts';
import type { RolloutMode, RolloutView } from '../mode.ts';
import { completedBefore, nextPins } from '../plan/controller/index.ts';
import { gatedPatches, gatedRefusal } from '../plan/gated/index.ts';
import type { MemberObserved, StepperResult } from '../plan/steps/types.ts';
import { type Deeds, deedsFor, doneMembers, lostOnTheWayBack } from './deeds.ts';
import { type FederatedObjects, pinsOf } from './federated-objects.ts';
import { modeOf } from './make-plan.ts';
import type { Memory } from './memory.ts';
import type { Modes, RolloutControllerOptions } from './options.ts';
import { isUntouched, type Run, viewOf } from './run.ts';
import type { SourceReader } from './source-reader.ts';
import { trouble } from './trouble.ts';

export interface DoerDeps {
  readonly members: RolloutControllerOptions['members'];
  readonly federated: FederatedObjects;
  readonly sources: SourceReader;
  readonly modes: Modes;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An idle rollout that is armed is looked at this often: an edit in a member waits behind its gates meanwhile. */
export const idleMs = 10_000;

/** Carries out what was decided: at most one deed a member, all members at once. */
export class Doer {
  readonly #deps: DoerDeps;

  constructor(deps: DoerDeps) {
    this.#deps = deps;
  }

  /** Does what is due; true if anything is under way, so that the next look should come soon. */
  async act(
    run: Run,
    status: RolloutStatus,
    observed: ReadonlyMap<string, MemberObserved>,
    result: StepperResult,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<boolean> {
    const mode = modeOf(run.plan, this.#deps.modes);
    const orders = new Map([...result.orders].filter(([name]) => !isUntouched(run, name)));
    const deeds = deedsFor(orders, observed, run.plan, run.contender.hash);
    const isDone = status.stableRevision === run.contender.hash;
    const reachable = [...observed].filter(([, each]) => each.kind === 'seen').map(([name]) => name);
    const notArmed = await this.#arm(run, reachable, deeds, isDone, mode, memory, signal);
    const install = deeds.install.filter((name) => !notArmed.has(name));
    await this.#movePins(run, status, { ...deeds, install }, lostOnTheWayBack(status, observed), signal);

    const finish = isDone
      ? doneMembers(status).filter(
          (name) => reachable.includes(name) && !memory.finished.has(`${name}/${run.contender.hash}`),
        )
      : [];
    const finishing = await this.#finishingView(run, status, signal);
    const names = new Set([...install, ...deeds.set.keys(), ...deeds.putBack, ...finish]);
    const failures = await memory.calls.act(
      [...names].flatMap((name) => this.#deps.members.get(name) ?? []),
      (name) => viewOf(run, name),
      signal,
      async (call) => {
        const { name } = call.member;
        const decision = deeds.set.get(name);
        if (install.includes(name)) await mode.install(call);
        else if (decision) await mode.set(call, decision);
        else if (deeds.putBack.includes(name)) await mode.putBack(call);
        else await mode.finish({ ...call, rollout: finishing(name) });
      },
    );
    for (const name of finish) {
      if (!failures.has(name) && !install.includes(name) && !deeds.set.has(name)) {
        memory.finished.add(`${name}/${run.contender.hash}`);
      }
    }
    await this.#letGo(run, status, mode, memory, signal);
    this.#logFailures(run, failures);
    return names.size > 0;
  }

  /** Gets members ready for the next revision; gives those where that failed. */
  async #arm(
    run: Run,
    reachable: readonly string[],
    { install }: Deeds,
    isDone: boolean,
    mode: RolloutMode,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const nowMs = this.#deps.clock.monotonic();
    const token = `${run.record.generation}/${run.contender.hash}/${isDone}`;
    const due = reachable.filter((name) => {
      const armed = memory.armed.get(name);
      return armed?.token !== token || (isDone && nowMs - armed.atMs >= idleMs * 0.9);
    });
    const failures = await memory.calls.act(
      due.flatMap((name) => this.#deps.members.get(name) ?? []),
      (name) => viewOf(run, name),
      signal,
      (call) => mode.arm(call),
    );
    for (const name of due) if (!failures.has(name)) memory.armed.set(name, { token, atMs: nowMs });
    this.#logFailures(run, failures);
    return new Set(install.filter((name) => failures.has(name)));
  }

  async #movePins(
    run: Run,
    status: RolloutStatus,
    { install, putBack }: Pick<Deeds, 'install' | 'putBack'>,
    lost: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { source, record, plan, contender } = run;
    if (source.kind !== 'federated') return;
    // The cache shows our own last write, or a newer one.
    const entry = this.#deps.federated.find(source.entry.row.federatedKind, source.entry);
    if (!entry || entry.deleting || entry.uid !== source.entry.uid) return;
    const isSteered =
      (run.spec.traffic?.provider ?? 'PodLabels') === 'PodLabels' &&
      plan.steps.some(({ traffic }) => traffic !== undefined);
    const { kind } = source.hub.target;
    const refusal = plan.mode === 'Gated' ? gatedRefusal(kind, source.hub.template) : undefined;
    if (refusal !== undefined) throw trouble('InvalidSpec', refusal);
    const pins = nextPins({
      before: pinsOf(entry),
      rollout: record.name,
      contender: contender.hash,
      stable: status.stableRevision,
      members: plan.waves.flatMap(({ members }) => members),
      forward: new Set(install),
      back: new Set([...putBack, ...lost]),
      patches: plan.mode === 'Gated' ? gatedPatches(source.hub.template, { kind, isSteered }) : [],
    });
    await this.#deps.federated.writePins(entry, pins, signal);
  }

  /** After the end of a run its executor may still want to know what was there before. */
  async #finishingView(
    run: Run,
    status: RolloutStatus,
    signal: AbortSignal,
  ): Promise<(member: string) => RolloutView> {
    const previous = completedBefore(status, run.contender.hash);
    const before =
      previous === undefined ? undefined : await this.#deps.sources.recorded(run.record, previous, signal);
    return (member) => {
      const { incumbent } = viewOf({ ...run, stable: before ?? run.stable }, member);
      return { ...viewOf(run, member), isDone: true, incumbent };
    };
  }

  /** Members that the plan has no more: nothing of ours stays in the way there. */
  async #letGo(
    run: Run,
    status: RolloutStatus,
    mode: RolloutMode,
    memory: Memory,
    signal: AbortSignal,
  ): Promise<void> {
    const now = new Set((status.clusters ?? []).map(({ name }) => name));
    for (const { name } of run.record.status?.clusters ?? []) if (!now.has(name)) memory.leaving.add(name);
    for (const name of now) memory.leaving.delete(name);
    if (memory.leaving.size === 0) return;
    const members = [...memory.leaving].map((name) => [name, this.#deps.members.get(name)] as const);
    for (const [name, member] of members) if (!member) memory.leaving.delete(name);
    const reachable = members.flatMap(([, member]) => (member && isReady(member) ? [member] : []));
    const failures = await memory.calls.act(
      reachable,
      (name) => viewOf(run, name),
      signal,
      (call) => mode.leave(call),
    );
    for (const { name } of reachable) if (!failures.has(name)) memory.leaving.delete(name);
    this.#logFailures(run, failures);
  }

  #logFailures(
    { record }: Run,
    failures: ReadonlyMap<string, { readonly reason: string; readonly message: string }>,
  ): void {
    for (const [member, { reason, message }] of failures) {
      this.#deps.logger.warn('rollout held up in a member', {
        namespace: record.namespace,
        rollout: record.name,
        member,
        reason,
        error: message,
      });
    }
  }
}
