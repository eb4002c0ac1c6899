import { HansaError } from '../../base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../kube/index.ts';

const builtIn = (group: string, version: string, kind: string, plural: string): ResourceType => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
});

export const kinds = {
  namespace: { ...builtIn('', 'v1', 'Namespace', 'namespaces'), namespaced: false },
  pod: builtIn('', 'v1', 'Pod', 'pods'),
  autoscaler: builtIn('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
} as const;

export const workloadTypes = {
  Deployment: builtIn('apps', 'v1', 'Deployment', 'deployments'),
  ReplicaSet: builtIn('apps', 'v1', 'ReplicaSet', 'replicasets'),
} as const;

export const configTypes = [
  builtIn('', 'v1', 'ConfigMap', 'configmaps'),
  builtIn('', 'v1', 'Secret', 'secrets'),
] as const;

/** What each member serves, as far as it was asked; kinds come and go with the objects of their definitions. */
const known = new WeakMap<ApiClient, Map<string, ResourceType>>();

/**
 * Where a member serves an object's kind.
 * @throws HansaError KindNotServed; InvalidSpec for a kind that belongs to the whole cluster
 */
export async function typeOf(
  {
    client,
    member,
    signal,
  }: { readonly client: ApiClient; readonly member: string; readonly signal: AbortSignal },
  { apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>,
): Promise<ResourceType> {
  const cache = known.get(client) ?? new Map<string, ResourceType>();
  known.set(client, cache);
  const key = `${apiVersion} ${kind}`;
  const found = cache.get(key) ?? (await discover(client, apiVersion, kind, signal));
  if (!found) {
    throw new HansaError(
      `member ${member} serves no ${kind} of ${apiVersion}: install its CustomResourceDefinition there first, or leave the object out`,
      { reason: 'KindNotServed' },
    );
  }
  cache.set(key, found);
  if (!found.namespaced && kind !== 'Namespace') {
    // Who may create Rollouts in one namespace must not get to write to the whole cluster by that.
    throw new HansaError(
      `${kind} belongs to the whole cluster, and a rollout writes to its own namespace only: federate it by a Federated${kind}, or install it by hand`,
      { reason: 'InvalidSpec', retry: 'never' },
    );
  }
  return found;
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

async function discover(
  client: ApiClient,
  apiVersion: string,
  kind: string,
  signal: AbortSignal,
): Promise<ResourceType | undefined> {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  let text: string;
  try {
    text = await client.raw(path, { signal });
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'KindNotServed'].includes(error.reason)) return undefined;
    throw error;
  }
  const { resources = [] } = JSON.parse(text) as ResourceList;
  // A name with a slash is a subresource.
  const found = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  return found
    ? { group: group ?? '', version: version ?? '', kind, plural: found.name, namespaced: found.namespaced }
    : undefined;
}
