import type { Failure } from './cluster-story.ts';
import type { FailedRun } from './decide-work.ts';

export type Failed = FailedRun & Failure;

/**
 * What is remembered of failures after a look or a run. Failures in a row count up while the same is asked for; a look that
 * finds work left says nothing of how the next try will end, so it takes nothing back.
 */
export function failedAfter(
  before: Failed | undefined,
  found: {
    readonly failure: Failure | undefined;
    readonly isAsDesired: boolean;
    readonly wish: string;
    /** ms since 1970. */
    readonly now: number;
  },
): Failed | undefined {
  const { failure, isAsDesired, wish, now } = found;
  const earlier = before?.wish === wish ? before : undefined;
  if (failure) return { ...failure, wish, at: now, times: (earlier?.times ?? 0) + 1 };
  return isAsDesired ? undefined : earlier;
}
