import { shareOf } from './share.ts';
import type { MemberObserved, Numbers, Side, Stage, StageDecision } from './types.ts';

type Seen = Extract<MemberObserved, { kind: 'seen' }>;

export interface StageOptions {
  /** Revision that is rolled out. */
  readonly revision: string;
  readonly ignoreIncumbentHealth: boolean;
  readonly minHealthyPercent: number;
}

/**
 * The one thing to do next in a member on its way to the numbers.
 *
 * Order: installation; whatever rises (capacity, then traffic); whatever falls (traffic, then capacity). Raise before
 * lower holds in both directions, so a retreat from a step that was never finished is as safe as any other.
 * Guarantees: nothing is lowered while what was raised is not ready, nor while fewer ready pods than promised would
 * be left.
 */
export function nextStage(numbers: Numbers, seen: Seen, options: StageOptions): StageDecision {
  if (!seen.installed || seen.revision !== options.revision) return { kind: 'install' };
  return move(numbers, seen, options);
}

/** Back to the stable revision: the incumbent whole first, then the contender to nothing. */
export function nextStageBack(seen: Seen, options: StageOptions): StageDecision {
  const steered = seen.contender.trafficPercent !== undefined || seen.incumbent?.trafficPercent !== undefined;
  const numbers: Numbers = {
    capacity: { incumbent: seen.incumbent ? 100 : 0, contender: 0 },
    ...(steered ? { traffic: { incumbent: seen.incumbent ? 100 : 0, contender: 0 } } : {}),
  };
  return move(numbers, seen, options);
}

function move(numbers: Numbers, seen: Seen, options: StageOptions): StageDecision {
  const { contender, incumbent } = seen;
  const capacity = { contender: numbers.capacity.contender, incumbent: numbers.capacity.incumbent };
  const now = {
    contender: contender.capacityPercent ?? 0,
    incumbent: incumbent ? (incumbent.capacityPercent ?? 100) : 0,
  };
  const tolerant = isTolerant(numbers, seen, options);

  if (capacity.contender > now.contender) {
    return { kind: 'set', stage: 'ContenderCapacity', capacity: { contender: capacity.contender } };
  }
  if (incumbent && capacity.incumbent > now.incumbent) {
    return { kind: 'set', stage: 'IncumbentCapacity', capacity: { incumbent: capacity.incumbent } };
  }
  // What shall stay must be ready before anything falls; what is about to fall need not.
  if (capacity.contender === now.contender && capacity.contender > 0 && !contender.capacityReady) {
    return waitFor('ContenderCapacity', contender, 'the new revision');
  }
  if (incumbent && capacity.incumbent === now.incumbent && !incumbent.capacityReady && !tolerant) {
    return waitFor('IncumbentCapacity', incumbent, 'the old revision');
  }
  return (
    traffic(numbers, seen, tolerant) ??
    lowerCapacity(capacity, now, seen, options) ??
    settle(numbers, seen, tolerant)
  );
}

/** Raises, then lowers traffic; undefined when it is where it shall be, or nobody steers it. */
function traffic({ traffic: wanted }: Numbers, seen: Seen, tolerant: boolean): StageDecision | undefined {
  if (!wanted) return undefined;
  const { contender, incumbent } = seen;
  const now = {
    contender: contender.trafficPercent ?? 0,
    incumbent: incumbent ? (incumbent.trafficPercent ?? 100) : 0,
  };
  if (wanted.contender > now.contender) {
    return { kind: 'set', stage: 'ContenderTraffic', traffic: { contender: wanted.contender } };
  }
  if (incumbent && wanted.incumbent > now.incumbent) {
    return { kind: 'set', stage: 'IncumbentTraffic', traffic: { incumbent: wanted.incumbent } };
  }
  if (wanted.contender === now.contender && !contender.trafficReady) {
    return waitForTraffic('ContenderTraffic', contender, 'the new revision');
  }
  if (incumbent && wanted.incumbent === now.incumbent && !incumbent.trafficReady && !tolerant) {
    return waitForTraffic('IncumbentTraffic', incumbent, 'the old revision');
  }
  if (incumbent && wanted.incumbent < now.incumbent) {
    return { kind: 'set', stage: 'IncumbentTraffic', traffic: { incumbent: wanted.incumbent } };
  }
  if (wanted.contender < now.contender) {
    return { kind: 'set', stage: 'ContenderTraffic', traffic: { contender: wanted.contender } };
  }
  return undefined;
}

function lowerCapacity(
  wanted: Numbers['capacity'],
  now: Numbers['capacity'],
  seen: Seen,
  { minHealthyPercent }: StageOptions,
): StageDecision | undefined {
  const { contender, incumbent, total } = seen;
  const promised = shareOf(total, minHealthyPercent);
  const hasEnough = (stays: Side | undefined, falls: Side, percent: number): boolean => {
    const left = Math.min(falls.ready, shareOf(total, percent));
    const after = (stays?.ready ?? 0) + left;
    // What is not there today can't be taken away: a workload that was never whole must not be stuck for it.
    return after >= Math.min(promised, (stays?.ready ?? 0) + falls.ready);
  };
  if (incumbent && wanted.incumbent < now.incumbent) {
    if (!hasEnough(contender, incumbent, wanted.incumbent))
      return tooFew('IncumbentCapacity', seen, promised);
    return { kind: 'set', stage: 'IncumbentCapacity', capacity: { incumbent: wanted.incumbent } };
  }
  if (wanted.contender < now.contender) {
    if (!hasEnough(incumbent, contender, wanted.contender))
      return tooFew('ContenderCapacity', seen, promised);
    return { kind: 'set', stage: 'ContenderCapacity', capacity: { contender: wanted.contender } };
  }
  return undefined;
}

/** Everything was ordered; what fell must have gone before the step counts as reached. */
function settle(numbers: Numbers, { contender, incumbent }: Seen, tolerant: boolean): StageDecision {
  if (!contender.capacityReady) return waitFor('ContenderCapacity', contender, 'the new revision');
  if (incumbent && !incumbent.capacityReady && !(tolerant && numbers.capacity.incumbent > 0)) {
    return waitFor('IncumbentCapacity', incumbent, 'the old revision');
  }
  return { kind: 'reached' };
}

/** A broken incumbent must not block the way out of it. */
function isTolerant(
  numbers: Numbers,
  { contender, incumbent }: Seen,
  { ignoreIncumbentHealth }: StageOptions,
): boolean {
  if (ignoreIncumbentHealth || !incumbent) return true;
  return numbers.capacity.contender > 0 && incumbent.desired <= contender.ready;
}

function waitFor(stage: Stage, { ready, desired }: Side, whose: string): StageDecision {
  return { kind: 'wait', stage, message: `${ready} of ${desired} pods of ${whose} are ready` };
}

function waitForTraffic(
  stage: Stage,
  { withTraffic, trafficPercent = 0 }: Side,
  whose: string,
): StageDecision {
  return {
    kind: 'wait',
    stage,
    message: `${withTraffic} pods of ${whose} have traffic, which is not ${trafficPercent} % yet`,
  };
}

function tooFew(stage: Stage, { contender, incumbent }: Seen, promised: number): StageDecision {
  const ready = contender.ready + (incumbent?.ready ?? 0);
  return {
    kind: 'wait',
    stage,
    message: `only ${ready} pods are ready and ${promised} are promised, so none is taken away`,
  };
}
