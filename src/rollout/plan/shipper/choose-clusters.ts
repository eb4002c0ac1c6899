import { byBytes } from './byte-order.ts';
import { preferenceList, type WeighedCluster } from './preference-list.ts';

export interface ClusterCandidate extends WeighedCluster {
  readonly region: string;
  readonly capabilities?: readonly string[];
  readonly unschedulable?: boolean;
}

export interface ClusterRequirements {
  readonly regions: readonly { readonly name: string; readonly replicas?: number }[];
  readonly capabilities?: readonly string[];
}

export type ClusterChoice =
  | { readonly kind: 'chosen'; readonly clusters: readonly string[] }
  | {
      readonly kind: 'impossible';
      readonly reason:
        | 'NoRegionsSpecified'
        | 'DuplicateCapabilityRequirement'
        | 'NotEnoughClustersInRegion'
        | 'NotEnoughCapableClustersInRegion';
      readonly message: string;
    };

/** Chooses the clusters of a release: per region the first of the application's order that can do all. */
export function chooseClusters(
  application: string,
  { regions, capabilities = [] }: ClusterRequirements,
  clusters: readonly ClusterCandidate[],
): ClusterChoice {
  if (regions.length === 0) {
    return impossible(
      'NoRegionsSpecified',
      'No regions specified in clusterRequirements. Must list at least one region',
    );
  }
  const twice = capabilities.find((capability, index) => capabilities.indexOf(capability) !== index);
  if (twice !== undefined) {
    return impossible(
      'DuplicateCapabilityRequirement',
      `Capability "${twice}" listed more than once in clusterRequirements`,
    );
  }

  const schedulable = preferenceList(
    application,
    clusters.filter(({ unschedulable }) => unschedulable !== true),
  );
  // Named twice, the last entry counts; but each entry alone must be possible, as in Shipper.
  const wanted = new Map<string, number>();
  for (const { name, replicas = 1 } of regions) {
    const available = schedulable.filter(({ region }) => region === name).length;
    if (replicas > available) {
      return impossible(
        'NotEnoughClustersInRegion',
        `Not enough clusters in region "${name}". Required: ${replicas} / Available: ${available}`,
      );
    }
    wanted.set(name, replicas);
  }

  const chosen: string[] = [];
  for (const [name, replicas] of wanted) {
    const capable = schedulable.filter((cluster) => cluster.region === name && hasAll(cluster, capabilities));
    if (replicas > capable.length) {
      return impossible(
        'NotEnoughCapableClustersInRegion',
        `Not enough clusters in region "${name}" with required capabilities "${capabilities.join(',')}". ` +
          `Required: ${replicas} / Available: ${capable.length}`,
      );
    }
    chosen.push(...capable.slice(0, Math.max(0, replicas)).map((cluster) => cluster.name));
  }
  return { kind: 'chosen', clusters: chosen.toSorted(byBytes) };
}

function hasAll({ capabilities = [] }: ClusterCandidate, required: readonly string[]): boolean {
  return required.every((capability) => capabilities.includes(capability));
}

function impossible(
  reason: Extract<ClusterChoice, { kind: 'impossible' }>['reason'],
  message: string,
): ClusterChoice {
  return { kind: 'impossible', reason, message };
}
