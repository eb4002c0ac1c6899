import { type Clock, HansaError, messageOf } from '../../base/index.ts';
import { isReady, type Member } from '../../members/index.ts';
import type { ModeCall, RolloutMode, RolloutView } from '../mode.ts';
import type { MemberObserved } from '../plan/steps/types.ts';

type Seen = Extract<MemberObserved, { kind: 'seen' }>;

/** A look, or a stage, ends after this long: the other members wait for it. */
const deadlineMs = 8_000;
/** A member that did not answer in time is asked again after this long, so that it costs the others little. */
const cooldownMs = 15_000;
/** Calls at once for one rollout. */
const atOnce = 16;

interface Memory {
  seen?: Seen;
  /** What the last act there came to, if it failed. */
  failure?: { readonly reason: string; readonly message: string };
  notBeforeMs?: number;
}

/** Calls of one rollout to its members: in parallel, each with a deadline, one's trouble kept from the others. */
export class MemberCalls {
  readonly #clock: Clock;
  readonly #memory = new Map<string, Memory>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What each member shows; those that can't be asked are unreachable, and nothing is awaited for them. */
  async observe(
    members: readonly { readonly name: string; readonly member: Member | undefined }[],
    mode: RolloutMode,
    viewFor: (member: string) => RolloutView,
    signal: AbortSignal,
  ): Promise<Map<string, MemberObserved>> {
    const observed = new Map<string, MemberObserved>();
    await inTurns(members, async ({ name, member }) => {
      observed.set(name, await this.#observeOne(name, member, mode, viewFor(name), signal));
    });
    return observed;
  }

  async #observeOne(
    name: string,
    member: Member | undefined,
    mode: RolloutMode,
    rollout: RolloutView,
    signal: AbortSignal,
  ): Promise<MemberObserved> {
    if (!member) return { kind: 'unreachable', message: 'it has not joined' };
    if (!isReady(member)) {
      const { health } = member;
      const message =
        'message' in health && health.message ? health.message : `the cluster is ${health.kind}`;
      return { kind: 'unreachable', message };
    }
    const memory = this.#of(name);
    if (memory.notBeforeMs !== undefined && this.#clock.monotonic() < memory.notBeforeMs) {
      return { kind: 'unreachable', message: `it did not answer within ${deadlineMs / 1000} s` };
    }
    const result = await this.attempt(member, rollout, signal, async (call) => {
      await mode.tend?.(call);
      return mode.observe(call);
    });
    if (result.ok) {
      const { failure } = memory;
      if (result.value.kind === 'unreachable') return result.value;
      memory.seen = result.value;
      return failure && !result.value.problem ? { ...result.value, problem: failure } : result.value;
    }
    const { reason, message } = result;
    if (isSilence(reason)) return { kind: 'unreachable', message };
    // It answers, and refuses: what was seen last is the best that is known, and the refusal is what a person must read.
    return { ...(memory.seen ?? nothingSeen), problem: { reason: 'ClusterFailed', message } };
  }

  /** Runs one call against a member; a failure is a value, and the signal ends everything. */
  async attempt<T>(
    member: Member,
    rollout: RolloutView,
    signal: AbortSignal,
    task: (call: ModeCall) => Promise<T>,
  ): Promise<
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly reason: string; readonly message: string; readonly error: unknown }
  > {
    const late = new AbortController();
    const cancel = this.#clock.after(deadlineMs, () => late.abort());
    try {
      const value = await task({
        rollout,
        member,
        signal: AbortSignal.any([signal, member.lifetime, late.signal]),
      });
      delete this.#of(member.name).notBeforeMs;
      return { ok: true, value };
    } catch (error) {
      if (signal.aborted) throw error;
      if (late.signal.aborted) {
        this.#of(member.name).notBeforeMs = this.#clock.monotonic() + cooldownMs;
        return {
          ok: false,
          reason: 'Timeout',
          message: `it did not answer within ${deadlineMs / 1000} s`,
          error,
        };
      }
      const reason = error instanceof HansaError ? error.reason : 'UnexpectedError';
      return { ok: false, reason, message: messageOf(error), error };
    } finally {
      cancel();
    }
  }

  /** Does something in several members at once; what fails is remembered, and shown with the next look. */
  async act(
    members: readonly Member[],
    viewFor: (member: string) => RolloutView,
    signal: AbortSignal,
    task: (call: ModeCall) => Promise<void>,
  ): Promise<
    ReadonlyMap<string, { readonly reason: string; readonly message: string; readonly error: unknown }>
  > {
    const failures = new Map<
      string,
      { readonly reason: string; readonly message: string; readonly error: unknown }
    >();
    await inTurns(members, async (member) => {
      const result = await this.attempt(member, viewFor(member.name), signal, task);
      const memory = this.#of(member.name);
      if (result.ok) {
        delete memory.failure;
        return;
      }
      const { reason, message, error } = result;
      failures.set(member.name, { reason, message, error });
      // "Again in a moment" is no trouble that people should read of.
      if (!momentary.includes(reason)) memory.failure = { reason: 'ClusterFailed', message };
    });
    return failures;
  }

  #of(name: string): Memory {
    const known = this.#memory.get(name);
    if (known) return known;
    const made: Memory = {};
    this.#memory.set(name, made);
    return made;
  }
}

/** Something is on its way: the next look will tell. The progress deadline bounds it. */
const momentary = ['Installing', 'Conflict', 'WaitingForCapacity', 'WaitingForTraffic'];

function isSilence(reason: string): boolean {
  return ['Timeout', 'Unreachable', 'ServerError', 'TooManyRequests'].includes(reason);
}

const nothing: Seen['contender'] = {
  capacityPercent: undefined,
  desired: 0,
  ready: 0,
  capacityReady: false,
  trafficPercent: undefined,
  trafficReady: false,
  withTraffic: 0,
};

const nothingSeen: Seen = {
  kind: 'seen',
  revision: undefined,
  installed: false,
  contender: nothing,
  incumbent: undefined,
  total: 0,
  problem: undefined,
};

async function inTurns<T>(list: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await task(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker));
}
