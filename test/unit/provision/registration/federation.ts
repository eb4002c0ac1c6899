import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
  systemClock,
} from '../../../../src/kube/index.ts';
import { installHost, readCrds } from '../../../../src/cli/commands/install.ts';
import { type Sandbox, startSandbox } from '../../../../src/sandbox/index.ts';

export const federation = 'kube-federation-system';

export const namespaceType = typeOf('', 'Namespace', 'namespaces', false);
export const secretType = typeOf('', 'Secret', 'secrets');
export const serviceAccountType = typeOf('', 'ServiceAccount', 'serviceaccounts');
export const memberType = typeOf('core.kubefed.io', 'KubeFedCluster', 'kubefedclusters', true, 'v1beta1');

export function typeOf(
  group: string,
  kind: string,
  plural: string,
  namespaced = true,
  version = 'v1',
): ResourceType {
  return { group, version, kind, plural, namespaced };
}

export interface FederationSide {
  readonly client: ApiClient;
  readonly kubeconfig: string;
}

export interface Federation extends AsyncDisposable {
  readonly host: ApiClient;
  side(name: string): FederationSide;
  member(name: string): Promise<KubeObject | undefined>;
}

/** A host with Hansa's CRDs, and clusters that are no members yet: real API servers and nothing else. */
export async function startFederation(name: string, clusters: readonly string[]): Promise<Federation> {
  const sandbox: Sandbox = await startSandbox({
    name: `${name}-${process.pid}`,
    members: clusters.map((each) => ({ name: each })),
    parts: 'api',
    hostParts: 'api',
  });
  try {
    const host = await clientOf(sandbox.host.adminKubeconfig);
    await installHost({
      hostClient: host,
      namespace: federation,
      crds: await readCrds(),
      clock: systemClock,
    });
    const sides = new Map<string, FederationSide>();
    for (const { name: cluster, adminKubeconfig } of sandbox.members) {
      const client = await clientOf(adminKubeconfig);
      // Nobody ends the deletion of a namespace here, so that of the join is one that was there before and stays.
      await client.create(namespaceType, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: federation },
      });
      sides.set(cluster, { client, kubeconfig: adminKubeconfig });
    }
    return {
      host,
      side: (cluster) => sides.get(cluster) as FederationSide,
      member: (member) => find(host, memberType, { namespace: federation, name: member }),
      [Symbol.asyncDispose]: async () => {
        await Promise.all(
          [host, ...[...sides.values()].map(({ client }) => client)].map((each) => each.close()),
        );
        await sandbox.down();
      },
    };
  } catch (error) {
    await sandbox.down();
    throw error;
  }
}

async function clientOf(kubeconfig: string): Promise<ApiClient> {
  return createApiClient((await loadAccess({ text: kubeconfig })).access);
}

export async function find(
  client: ApiClient,
  type: ResourceType,
  ref: { readonly namespace?: string; readonly name: string },
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, ref);
  } catch (error) {
    if (error instanceof Error && 'reason' in error && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

/** Names of the accounts in a cluster that joins made there. */
export async function accountsIn({ client }: FederationSide): Promise<readonly string[]> {
  const found: string[] = [];
  const labelSelector = 'hansa.dev/joined-as';
  for await (const { items } of client.list(serviceAccountType, { labelSelector })) {
    found.push(...items.map(({ metadata }) => metadata.labels?.['hansa.dev/joined-as'] ?? ''));
  }
  return found;
}
