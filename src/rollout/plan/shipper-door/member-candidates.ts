import type { ClusterSpec } from '../../../api/shipper.booking.com/v1alpha1/cluster.ts';
import type { ClusterCandidate } from '../shipper/index.ts';
import { capabilityLabelPrefix, regionLabels } from './words.ts';

export interface JoinedMember {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The clusters that may be chosen: the joined members. A Cluster object of a member's name says where it is and what it
 * can do; without one, the member's labels do. A Cluster object that nothing was joined for cannot be reached.
 */
export function memberCandidates(
  members: readonly JoinedMember[],
  clusters: ReadonlyMap<string, ClusterSpec>,
): readonly ClusterCandidate[] {
  return members.map((member) => candidateOf(member, clusters.get(member.name)));
}

function candidateOf({ name, labels }: JoinedMember, cluster: ClusterSpec | undefined): ClusterCandidate {
  if (!cluster) return { name, region: regionOf(labels), capabilities: capabilitiesOf(labels) };
  const { region, capabilities = [], scheduler = {} } = cluster;
  const { unschedulable = false, weight, identity } = scheduler;
  return {
    name,
    region,
    capabilities,
    unschedulable,
    // Go reads a weight of 0 as none given.
    ...(weight ? { weight } : {}),
    ...(identity ? { identity } : {}),
  };
}

function regionOf(labels: JoinedMember['labels']): string {
  return regionLabels.map((label) => labels[label]).find((region) => region !== undefined) ?? '';
}

function capabilitiesOf(labels: JoinedMember['labels']): readonly string[] {
  return Object.entries(labels)
    .filter(([label, value]) => label.startsWith(capabilityLabelPrefix) && value === 'true')
    .map(([label]) => label.slice(capabilityLabelPrefix.length))
    .toSorted();
}
