import { HansaError } from '../../base/index.ts';
import type { ApiClient, ResourceType } from '../../kube/index.ts';
import { clusterApiGroup, clusterApiVersions } from './words.ts';

/**
 * The kind Cluster as the host serves it; undefined: Cluster API is not installed there.
 * @throws HansaError if that could not be asked
 */
export async function discoverClusters(
  host: ApiClient,
  signal: AbortSignal,
): Promise<ResourceType | undefined> {
  for (const version of clusterApiVersions) {
    const served = await resourcesOf(host, `/apis/${clusterApiGroup}/${version}`, signal);
    if (served.includes('clusters')) {
      return { group: clusterApiGroup, version, kind: 'Cluster', plural: 'clusters', namespaced: true };
    }
  }
  return undefined;
}

async function resourcesOf(host: ApiClient, path: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const list = JSON.parse(await host.raw(path, { signal })) as {
      readonly resources?: readonly { readonly name: string }[];
    };
    return list.resources?.map(({ name }) => name) ?? [];
  } catch (error) {
    if (error instanceof HansaError && (error.reason === 'KindNotServed' || error.reason === 'NotFound'))
      return [];
    throw error;
  }
}
