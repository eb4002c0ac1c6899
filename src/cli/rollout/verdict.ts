import { isUpToDate, type RolloutObject } from './rollout-object.ts';

/** Whether there is something to wait for, and what came of it. */
export type Verdict =
  | { readonly kind: 'under-way' }
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly message: string }
  /** Nothing moves before a person has said something. */
  | { readonly kind: 'waits-for-person'; readonly message: string };

export const exitCodes = {
  completed: 0,
  failed: 1,
  'waits-for-person': 3,
  'timed-out': 124,
} as const;

/** A status that is older than the last change of the object says nothing about it yet. */
export function verdictOn(rollout: RolloutObject): Verdict {
  const { status, metadata } = rollout;
  if (!status || !isUpToDate(rollout)) return { kind: 'under-way' };
  const title = `${metadata.namespace}/${metadata.name}`;
  const told = status.summary ? `: ${status.summary}` : '';
  const invalid = status.conditions?.find(
    ({ type, status: holds, reason }) => type === 'Valid' && holds === 'False' && reason === 'InvalidSpec',
  );
  if (invalid) return { kind: 'failed', message: `${title} cannot be carried out: ${invalid.message ?? ''}` };
  switch (status.phase ?? 'Idle') {
    case 'Completed':
      return { kind: 'completed' };
    case 'Aborted':
      // A newer edit is about to start where this one ends.
      if (status.abortedBecause?.startsWith('superseded')) return { kind: 'under-way' };
      return {
        kind: 'failed',
        message: `${title} was taken back: ${status.abortedBecause ?? status.summary}`,
      };
    case 'Failed':
      return { kind: 'failed', message: `${title} failed${told}` };
    case 'Paused':
    case 'WaitingForApproval':
    case 'Blocked':
      return { kind: 'waits-for-person', message: `${title} waits for a person${told}` };
    case 'Idle':
      // Made for something that every cluster has already: there is nothing to wait for.
      return status.revision !== undefined && status.revision === status.stableRevision
        ? { kind: 'completed' }
        : { kind: 'under-way' };
    case 'Progressing':
    case 'Soaking':
    case 'Reverting':
      return { kind: 'under-way' };
  }
}
