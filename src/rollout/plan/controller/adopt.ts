/** What a federated object's status says of one cluster. */
export interface ClusterEntry {
  readonly name: string;
  readonly status?: string;
  readonly message?: string;
}

/**
 * What clusters hold of a federated object that no rollout has pinned yet: its spec as it is (then that is the stable
 * revision, and nothing moves), something else (then this is a first run), or nobody knows yet.
 */
export function heldBefore(
  status: { readonly observedGeneration?: number; readonly clusters?: readonly ClusterEntry[] } | undefined,
  generation: number,
  selected: readonly string[],
): 'the-spec' | 'something-else' | 'not-known-yet' {
  if (status?.observedGeneration !== generation) return 'not-known-yet';
  const entries = selected.map((name) => status.clusters?.find((entry) => entry.name === name));
  if (entries.some((entry) => entry === undefined || entry.status === 'Waiting')) return 'not-known-yet';
  if (entries.some((entry) => entry?.status === 'WaitingForRollout')) return 'something-else';
  return entries.some((entry) => entry?.status === undefined) ? 'the-spec' : 'something-else';
}

/** States of a cluster that pass by themselves; others tell of something that a person must mend. */
const passing = ['Waiting', 'WaitingForRollout', 'WaitingForRemoval', 'ClusterNotReady', 'NamespaceMissing'];

/** Why propagation could not write to a cluster. */
export function refusalOf(entry: ClusterEntry | undefined): string | undefined {
  if (entry?.status === undefined || passing.includes(entry.status)) return undefined;
  return entry.message ?? entry.status;
}
