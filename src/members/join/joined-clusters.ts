import { HansaError } from '../../base/index.ts';
import { type ApiClient, type CallOptions, type KubeObject, namespaceType } from '../../kube/index.ts';
import { type ClusterRecord, clusterRecord, serverOf } from '../cluster-record.ts';
import { clusterType } from '../registry.ts';
import { clusterUidAnnotation } from './join-names.ts';

/** A member as the host has it on record. */
export interface JoinedCluster extends ClusterRecord {
  /** Absent where something else than `hansa join` made the object. */
  readonly clusterUid: string | undefined;
  readonly object: KubeObject;
}

export interface HostView {
  readonly uid: string;
  readonly clusters: readonly JoinedCluster[];
}

/**
 * Reads what a join or unjoin must know of the host.
 * @throws HansaError CrdsMissing, HostNamespaceMissing
 */
export async function readHost(host: ApiClient, namespace: string, options: CallOptions): Promise<HostView> {
  const uid = await clusterUidOf(host, options);
  const clusters: JoinedCluster[] = [];
  try {
    for await (const { items } of host.list(clusterType, { ...options, namespace })) {
      for (const object of items) {
        clusters.push({
          ...clusterRecord(object),
          clusterUid: object.metadata.annotations?.[clusterUidAnnotation],
          object,
        });
      }
    }
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') throw error;
    throw new HansaError(
      `Hansa's CRDs are not installed on the host ${host.server}: run "hansa install", or apply the files in crds/`,
      { reason: 'CrdsMissing', retry: 'never', cause: error },
    );
  }
  await host
    .get(namespaceType, { name: namespace }, { ...options, metadataOnly: true })
    .catch((error: unknown) => {
      if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
      throw new HansaError(
        `the host ${host.server} has no namespace "${namespace}": run "hansa install", or name another with --namespace`,
        { reason: 'HostNamespaceMissing', retry: 'never', cause: error },
      );
    });
  return { uid, clusters };
}

/** Clusters have no name of their own; the UID of kube-system lives as long as the cluster's etcd. */
export async function clusterUidOf(client: ApiClient, options: CallOptions): Promise<string> {
  const { metadata } = await client.get(
    namespaceType,
    { name: 'kube-system' },
    { ...options, metadataOnly: true },
  );
  return metadata.uid ?? '';
}

export interface JoinRequest {
  readonly name: string;
  readonly alias: string | undefined;
  readonly memberUid: string;
  readonly apiEndpoint: string;
  readonly errorOnExisting: boolean;
}

/** What stands against this join, in view of those that have joined; undefined if nothing does. */
export function joinConflict(
  request: JoinRequest,
  clusters: readonly JoinedCluster[],
): HansaError | undefined {
  const { name, alias } = request;
  const own = clusters.find((cluster) => cluster.name === name);
  if (own?.deleting) {
    return refusal(
      'ClusterDeleting',
      `KubeFedCluster "${name}" is being deleted: join again when it has gone`,
    );
  }
  if (own && request.errorOnExisting) {
    return refusal(
      'AlreadyJoined',
      `"${name}" has joined already; leave out --error-on-existing to join it again`,
    );
  }
  if (own && !isSameCluster(own, request)) {
    return refusal(
      'NameTaken',
      `the name "${name}" belongs to another cluster (${own.apiEndpoint}): choose another name, or run ` +
        `"hansa unjoin ${name}" first`,
    );
  }
  const others = clusters.filter((cluster) => cluster.name !== name);
  const twin = others.find((cluster) => isSameCluster(cluster, request));
  if (twin) {
    return refusal(
      'ClusterJoinedTwice',
      `this cluster has joined as "${twin.name}" already (${twin.apiEndpoint}); to rename it, run "hansa unjoin ` +
        `${twin.name}" first; for a second name, give "${twin.name}" an --alias`,
    );
  }
  const nameHolder = others.find((cluster) => cluster.alias === name);
  if (nameHolder) {
    return refusal('AmbiguousAlias', `"${name}" is the alias of "${nameHolder.name}": choose another name`);
  }
  const aliasHolder = alias && others.find((cluster) => cluster.name === alias || cluster.alias === alias);
  if (aliasHolder) {
    return refusal('AmbiguousAlias', `the alias "${alias}" belongs to "${aliasHolder.name}": choose another`);
  }
  return undefined;
}

/** By UID; by address where the object does not know its cluster's UID, because KubeFed or a person made it. */
export function isSameCluster(
  cluster: Pick<JoinedCluster, 'clusterUid' | 'apiEndpoint'>,
  { memberUid, apiEndpoint }: Pick<JoinRequest, 'memberUid' | 'apiEndpoint'>,
): boolean {
  if (cluster.clusterUid) return cluster.clusterUid === memberUid;
  try {
    return serverOf(cluster.apiEndpoint) === serverOf(apiEndpoint);
  } catch {
    return false;
  }
}

function refusal(reason: string, message: string): HansaError {
  return new HansaError(message, { reason, retry: 'never' });
}
