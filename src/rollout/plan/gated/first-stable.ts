import type { GatedSeen } from './seen.ts';

/**
 * The pod hash that counts as stable when nothing was noted yet: the only one there is; in the middle of a change the one
 * with the most pods that serve, so that a lost note never lets the new ones through.
 */
export function firstStable({ newest, pods, sets }: GatedSeen): string | undefined {
  const ready = new Map<string, number>();
  for (const { hash, isReady } of pods) {
    if (hash !== undefined && isReady) ready.set(hash, (ready.get(hash) ?? 0) + 1);
  }
  const active = sets.filter(({ hash, replicas }) => replicas > 0 && hash !== newest);
  const isUnderWay = active.length > 0 || [...ready.keys()].some((hash) => hash !== newest);
  if (!isUnderWay) return newest;
  const [most] = [...ready].toSorted(([one, count], [other, otherCount]) => {
    // Of equals the one that is not the newest.
    return otherCount - count || Number(one === newest) - Number(other === newest);
  });
  return most?.[0] ?? newest;
}
