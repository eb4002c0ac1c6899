import type { RolloutStatus } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

/** The revision that was everywhere before this one, as far as the history goes. */
export function completedBefore({ history = [] }: RolloutStatus, revision: string): string | undefined {
  return history.findLast((each) => each.outcome === 'Completed' && each.revision !== revision)?.revision;
}
