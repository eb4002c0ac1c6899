/** One number for each side. */
export interface Pair {
  readonly contender: number;
  readonly incumbent: number;
}

export interface TrafficInput {
  /** Pods that could have traffic. */
  readonly pods: Pair;
  /** Shares in percent; their sum need not be 100, since one rises before the other falls. */
  readonly shares: Pair;
  /** Pods that must have traffic together. */
  readonly promised: number;
}

/**
 * How many pods of each side get traffic: the share of all pods, rounded up, in whole numbers, so that 55 % of 20 is 11.
 *
 * A side can't give more pods than it has. Where that leaves fewer than promised, the side with the larger share gives
 * more; never the smaller, or a canary would get the traffic that it was to be spared.
 */
export function divideTraffic({ pods, shares, promised }: TrafficInput): Pair {
  const all = pods.contender + pods.incumbent;
  const sum = shares.contender + shares.incumbent;
  if (sum === 0) return { contender: 0, incumbent: 0 };
  const exact = (side: keyof Pair) => Math.min(pods[side], ceilDivide(all * shares[side], sum));
  const given = { contender: exact('contender'), incumbent: exact('incumbent') };
  const missing = Math.max(0, promised - given.contender - given.incumbent);
  const more = (side: keyof Pair, other: keyof Pair, wanted: number) =>
    shares[side] >= shares[other] ? Math.min(wanted, pods[side] - given[side]) : 0;
  // Of equals the old revision first: it is the one that is known to be good.
  const moreIncumbent = more('incumbent', 'contender', missing);
  const moreContender = more('contender', 'incumbent', missing - moreIncumbent);
  return { contender: given.contender + moreContender, incumbent: given.incumbent + moreIncumbent };
}

function ceilDivide(dividend: number, divisor: number): number {
  return Math.floor((dividend + divisor - 1) / divisor);
}
