export interface ReplicaOverride {
  readonly op?: '' | 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

export interface ReplicaOverrideEntry {
  readonly clusterName?: string;
  readonly clusterOverrides: readonly ReplicaOverride[];
}

/**
 * Puts each cluster's replicas into its overrides, as KubeFed's RSP controller does: an override of replicas of a
 * cluster without a number goes, all other overrides stay, and an entry that is emptied stays as an empty one.
 */
export function mergeReplicaOverrides<Entry extends ReplicaOverrideEntry>(
  overrides: readonly Entry[],
  replicas: Readonly<Record<string, number>>,
  style: 'jsonpatch' | 'dotted' = 'jsonpatch',
): Entry[] {
  const path = style === 'dotted' ? 'spec.replicas' : '/spec/replicas';
  const done = new Set<string>();
  const merged = overrides.map((entry) => {
    const name = entry.clusterName;
    if (name === undefined) return entry;
    const value = Object.hasOwn(replicas, name) ? replicas[name] : undefined;
    if (value === undefined) {
      return {
        ...entry,
        clusterOverrides: entry.clusterOverrides.filter((override) => override.path !== path),
      };
    }
    done.add(name);
    const has = entry.clusterOverrides.some((override) => override.path === path);
    const clusterOverrides = has
      ? entry.clusterOverrides.map((override) =>
          override.path === path ? { ...writing(override), path, value } : override,
        )
      : [...entry.clusterOverrides, { path, value }];
    return { ...entry, clusterOverrides };
  });
  const added = Object.keys(replicas)
    .filter((name) => !done.has(name))
    .sort()
    .map(
      (name) =>
        ({ clusterName: name, clusterOverrides: [{ path, value: replicas[name] }] }) as unknown as Entry,
    );
  return [...merged, ...added];
}

/** The op stays as the user wrote it, as in KubeFed; but a `remove` would leave the cluster without its number. */
function writing({ op }: ReplicaOverride): Pick<ReplicaOverride, 'op'> {
  return op === undefined || op === 'remove' ? {} : { op };
}
