import { revisionOf } from '../../../api/rollout.hansa.dev/v1alpha1/pins.ts';

/** Hash of the pod template of a workload that others edit, by cluster. */
export type Workloads = Readonly<Record<string, string>>;

export interface FleetRevision {
  readonly revision: string;
  readonly workloads: Workloads;
}

/**
 * The revision of a workload over all clusters. Templates may rightly differ from cluster to cluster, so one is made of
 * all; it is a new one only when a cluster's template changed. A cluster that joins, leaves or does not answer changes
 * nothing, and neither does one that was put back while the others still are on their way.
 */
export function fleetRevision(
  known: FleetRevision | undefined,
  seen: Workloads,
  goingBackTo?: FleetRevision,
): FleetRevision | undefined {
  const entries = Object.entries(seen);
  if (entries.length === 0 || !known) return known ?? (entries.length > 0 ? made(seen) : undefined);
  if (goingBackTo) {
    const isBack = ([name, hash]: [string, string]) => goingBackTo.workloads[name] === hash;
    if (entries.every(isBack)) return goingBackTo;
    if (entries.every((entry) => isBack(entry) || known.workloads[entry[0]] === entry[1])) return known;
  }
  const merged = { ...known.workloads, ...seen };
  const hasChanged = entries.some(([name, hash]) => (known.workloads[name] ?? hash) !== hash);
  return hasChanged ? made(merged) : { revision: known.revision, workloads: sorted(merged) };
}

function made(workloads: Workloads): FleetRevision {
  const inOrder = sorted(workloads);
  return { revision: revisionOf(inOrder), workloads: inOrder };
}

function sorted(workloads: Workloads): Workloads {
  return Object.fromEntries(Object.entries(workloads).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
