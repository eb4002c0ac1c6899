import { divideTraffic, type Pair } from './divide-traffic.ts';

/** A pod as far as traffic goes. Those that are leaving are not among them. */
export interface TrafficPod {
  readonly name: string;
  readonly side: keyof Pair;
  readonly isReady: boolean;
  readonly isEnabled: boolean;
}

export interface PodChoice {
  /** Ready pods of each side that shall have traffic. */
  readonly wanted: Pair;
  /** Pods that get the label, before … */
  readonly enable: readonly string[];
  /** … these lose it. */
  readonly disable: readonly string[];
}

/**
 * Which pods get the label: as few changes as possible, by name where it makes no difference.
 *
 * Pods that are not ready have no traffic, label or not. Those that their side's share would take in when they are
 * ready get the label beforehand, so that a new pod serves from its first ready moment.
 */
export function choosePods(pods: readonly TrafficPod[], shares: Pair, promised: number): PodChoice {
  const ready = pods.filter(({ isReady }) => isReady);
  const wanted = divideTraffic({ pods: count(ready), shares, promised });
  const later = divideTraffic({ pods: count(pods), shares, promised });
  const chosen = new Set<string>();
  for (const side of ['contender', 'incumbent'] as const) {
    const own = pods.filter((pod) => pod.side === side).toSorted(byStaying);
    const waiting = Math.max(0, later[side] - wanted[side]);
    for (const { name } of own.filter(({ isReady }) => isReady).slice(0, wanted[side])) chosen.add(name);
    for (const { name } of own.filter(({ isReady }) => !isReady).slice(0, waiting)) chosen.add(name);
  }
  return {
    wanted,
    enable: pods.filter(({ name, isEnabled }) => chosen.has(name) && !isEnabled).map(({ name }) => name),
    disable: pods.filter(({ name, isEnabled }) => !chosen.has(name) && isEnabled).map(({ name }) => name),
  };
}

/** Ready pods with the label. */
export function countServing(pods: readonly TrafficPod[]): Pair {
  return count(pods.filter(({ isReady, isEnabled }) => isReady && isEnabled));
}

function count(pods: readonly TrafficPod[]): Pair {
  const contender = pods.filter(({ side }) => side === 'contender').length;
  return { contender, incumbent: pods.length - contender };
}

function byStaying(a: TrafficPod, b: TrafficPod): number {
  if (a.isEnabled !== b.isEnabled) return a.isEnabled ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
