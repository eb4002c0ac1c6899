import { byBytes } from './byte-order.ts';
import { xxhash64 } from './xxhash64.ts';

export interface WeighedCluster {
  readonly name: string;
  /** Under which it is hashed; its name where absent. A replacement that has the old one's takes its place. */
  readonly identity?: string;
  readonly weight?: number;
}

const defaultWeight = 100;

/** Hash of a cluster for an application. */
export function clusterHash(application: string, identity: string): bigint {
  return xxhash64(application + identity);
}

/** Score of weighted rendezvous hashing: the higher, the earlier the cluster is chosen. */
export function scoreOf(hash: bigint, weight: number): number {
  // 2^64: what Go makes of its greatest 64-bit number as a float.
  return -weight * Math.log(Number(hash) / 2 ** 64);
}

/**
 * Clusters in the order in which an application prefers them. The order of an application never changes by
 * itself, and a cluster that comes or goes moves no other; equal scores go by name.
 */
export function preferenceList<Cluster extends WeighedCluster>(
  application: string,
  clusters: readonly Cluster[],
): readonly Cluster[] {
  return clusters
    .map((cluster) => {
      const { name, identity = name, weight = defaultWeight } = cluster;
      return { cluster, score: scoreOf(clusterHash(application, identity), weight) };
    })
    .toSorted((a, b) => b.score - a.score || byBytes(a.cluster.name, b.cluster.name))
    .map(({ cluster }) => cluster);
}
