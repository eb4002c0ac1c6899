import { fnv1 } from '../base/index.ts';

export interface Preference {
  readonly weight: number;
  readonly minReplicas: number;
  readonly maxReplicas?: number;
}

export interface DivisionInput {
  readonly spec: {
    readonly totalReplicas: number;
    readonly rebalance?: boolean;
    /** By cluster name; `*` stands for those not named. Empty or absent: all alike. */
    readonly clusters?: Readonly<Record<string, Partial<Preference>>>;
  };
  /** Names of the clusters that may get replicas, in any order. */
  readonly clusters: readonly string[];
  readonly currentReplicas: Readonly<Record<string, number>>;
  /** What a cluster can run at most; absent when nothing says that it can't run more. */
  readonly estimatedCapacity: Readonly<Record<string, number>>;
  /** `namespace/name` of the target: breaks ties between equal weights. */
  readonly key: string;
}

export interface Division {
  /** Replicas by cluster; every cluster is in it, those with 0 too. */
  readonly plan: Readonly<Record<string, number>>;
  /** Replicas a cluster was due beyond its capacity; others run them meanwhile, as far as they can. */
  readonly overflow: Readonly<Record<string, number>>;
}

interface Share {
  readonly name: string;
  readonly weight: number;
  readonly min: number;
  readonly max: number;
  readonly capacity: number;
  readonly current: number;
}

/** How a cluster came to its number, in the order in which the rules were applied. */
export interface DivisionStory {
  readonly named: 'by-name' | 'by-star' | 'not-named';
  readonly fromMinimum: number;
  readonly fromCurrent: number;
  readonly fromWeight: number;
  readonly weight: number;
  readonly cutBy: 'max' | 'capacity' | undefined;
}

/**
 * Divides replicas as KubeFed's planner does, bit for bit, so that taking over a KubeFed moves no pod: minimums first,
 * then what runs already (unless rebalance), then weights in rounds that round up, so that earlier clusters get the
 * odd ones. Order: weight, then an FNV-1 hash of cluster name and key.
 */
export function divideReplicas(input: DivisionInput): Division {
  const { plan, overflow } = divide(input);
  return { plan, overflow };
}

/** One sentence a cluster: which rules led to its number. */
export function explainDivision(input: DivisionInput): Readonly<Record<string, string>> {
  const { plan, stories } = divide(input);
  // Where nothing had to stay, "it runs there already" would hide the rule that put it there.
  const fresh = divide({ ...input, currentReplicas: {} });
  return Object.fromEntries(
    Object.keys(plan).map((name) => {
      const from = fresh.plan[name] === plan[name] ? fresh : { plan, stories };
      return [name, sentenceOf(from.stories[name] as DivisionStory, plan[name] ?? 0)];
    }),
  );
}

function divide({ spec, clusters, currentReplicas, estimatedCapacity, key }: DivisionInput) {
  const { totalReplicas, rebalance = false } = spec;
  const preferences =
    spec.clusters && Object.keys(spec.clusters).length > 0 ? spec.clusters : { '*': { weight: 1 } };
  const plan: Record<string, number> = {};
  const overflow: Record<string, number> = {};
  const stories: Record<string, { -readonly [F in keyof DivisionStory]: DivisionStory[F] }> = {};
  const shares: Share[] = [];
  for (const name of clusters) {
    const byName = Object.hasOwn(preferences, name) ? preferences[name] : undefined;
    const preference = byName ?? preferences['*'];
    stories[name] = {
      named: byName ? 'by-name' : preference ? 'by-star' : 'not-named',
      fromMinimum: 0,
      fromCurrent: 0,
      fromWeight: 0,
      weight: preference?.weight ?? 0,
      cutBy: undefined,
    };
    plan[name] = 0;
    if (!preference) continue;
    shares.push({
      name,
      weight: preference.weight ?? 0,
      min: preference.minReplicas ?? 0,
      max: preference.maxReplicas ?? Number.POSITIVE_INFINITY,
      capacity: own(estimatedCapacity, name) ?? Number.POSITIVE_INFINITY,
      current: own(currentReplicas, name) ?? 0,
    });
  }
  const order = new Map(shares.map(({ name }) => [name, fnv1(name, key)]));
  shares.sort((a, b) => b.weight - a.weight || (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));

  let left = totalReplicas;
  const give = (name: string, replicas: number) => {
    plan[name] = (plan[name] ?? 0) + replicas;
    left -= replicas;
  };

  // KubeFed doesn't look at maxReplicas here: a minimum above the maximum wins.
  for (const { name, min, capacity } of shares) {
    const replicas = Math.min(min, left, capacity);
    give(name, replicas);
    (stories[name] as { fromMinimum: number }).fromMinimum = replicas;
  }

  const preallocated = new Map<string, number>();
  if (!rebalance) {
    for (const { name, current, max, capacity } of shares) {
      const has = plan[name] ?? 0;
      if (current <= has) continue;
      const extra = Math.max(0, Math.min(Math.min(current, max, capacity) - has, left));
      give(name, extra);
      preallocated.set(name, extra);
      (stories[name] as { fromCurrent: number }).fromCurrent = extra;
    }
  }

  let open = shares;
  for (let changed = true; changed && left > 0; ) {
    changed = false;
    const weightSum = open.reduce((sum, { weight }) => sum + BigInt(weight), 0n);
    if (weightSum === 0n) break;
    const due = left;
    const next: Share[] = [];
    for (const share of open) {
      const { name, weight, max, capacity } = share;
      let extra = Math.min(ceilShare(due, weight, weightSum), left);
      // What it runs already was given to it above and counts towards its share now.
      const used = Math.min(extra, preallocated.get(name) ?? 0);
      if (used > 0) {
        preallocated.set(name, (preallocated.get(name) ?? 0) - used);
        extra -= used;
        changed = true;
      }
      const had = plan[name] ?? 0;
      let total = had + extra;
      const story = stories[name] as { fromWeight: number; cutBy: DivisionStory['cutBy'] };
      let isFull = false;
      if (total > max) {
        total = max;
        isFull = true;
        story.cutBy = 'max';
      }
      if (total > capacity) {
        overflow[name] = total - capacity;
        total = capacity;
        isFull = true;
        story.cutBy = 'capacity';
      }
      if (!isFull) next.push(share);
      if (total > had) changed = true;
      story.fromWeight += total - had;
      give(name, total - had);
    }
    open = next;
  }

  if (!rebalance) {
    for (const name of Object.keys(overflow)) {
      overflow[name] = Math.min(overflow[name] ?? 0, left);
      if (overflow[name] === 0) delete overflow[name];
    }
  }
  return { plan, overflow, stories };
}

/** A cluster may well be called "constructor". */
function own(numbers: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(numbers, name) ? numbers[name] : undefined;
}

/** ceil(due × weight / sum) without losing digits: weights are 64 bits wide in the API. */
function ceilShare(due: number, weight: number, weightSum: bigint): number {
  return Number((BigInt(due) * BigInt(weight) + weightSum - 1n) / weightSum);
}

function sentenceOf(
  { named, fromMinimum, fromCurrent, fromWeight, weight, cutBy }: DivisionStory,
  replicas: number,
): string {
  if (named === 'not-named') return '0: not named in spec.clusters, and there is no "*"';
  const parts = [
    fromMinimum > 0 ? `${fromMinimum} as its minimum` : '',
    fromCurrent !== 0 ? `${fromCurrent} because they run there already` : '',
    fromWeight !== 0 ? `${fromWeight} by weight ${weight}` : '',
  ].filter(Boolean);
  const cut =
    cutBy === 'max'
      ? '; maxReplicas allows no more'
      : cutBy === 'capacity'
        ? '; it has no room for more'
        : '';
  const why = parts.length > 0 ? parts.join(', ') : weight === 0 ? 'weight 0' : 'nothing was left for it';
  return `${replicas}: ${why}${named === 'by-star' ? ' (from "*")' : ''}${cut}`;
}
