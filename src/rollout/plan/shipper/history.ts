import { byGeneration, type OrderedRelease } from './release-order.ts';

const defaultHistoryLimit = 20;
const maxHistoryLimit = 1000;

/** revisionHistoryLimit in effect. */
export function historyLimit(limit: number | undefined): number {
  return Math.min(maxHistoryLimit, Math.max(1, limit ?? defaultHistoryLimit));
}

/**
 * Names of the releases that go, oldest first: all that are neither the newest nor once were complete, and
 * of the complete ones those above the limit. The newest is not counted, so that a limit of 1 keeps 2.
 */
export function releasesToDelete(
  releases: readonly OrderedRelease[],
  limit: number | undefined,
): readonly string[] {
  const past = byGeneration(releases).slice(0, -1);
  const complete = past.filter(({ isComplete }) => isComplete);
  const tooMany = complete.slice(0, Math.max(0, complete.length - historyLimit(limit)));
  return past.filter((release) => !release.isComplete || tooMany.includes(release)).map(({ name }) => name);
}
