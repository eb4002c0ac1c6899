import type { RolloutStatus } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

/** A run that a person took back in this round says why in their words, if they left any. */
export function withAbortReason(
  before: RolloutStatus,
  next: RolloutStatus,
  { abort, reason }: { readonly abort: string | undefined; readonly reason: string | undefined },
): RolloutStatus {
  const isNews = next.abortedBecause !== undefined && before.abortedBecause === undefined;
  const start = `${next.revision}: `;
  if (!isNews || abort !== next.revision || !reason?.startsWith(start)) return next;
  return { ...next, abortedBecause: reason.slice(start.length) };
}
