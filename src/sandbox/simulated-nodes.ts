import type { ApiClient, KubeObject, ResourceType } from '../kube/index.ts';
import { clientNames } from './pki.ts';

const nodes: ResourceType = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const rbac = (kind: string, plural: string): ResourceType => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced: false,
});

const fieldManager = 'hansa-sandbox';
const roleName = 'hansa:kwok';
/** A node of a usual size in cores and memory; more pods than usual, so that a benchmark needs few nodes. */
const capacity = { cpu: '32', memory: '128Gi', 'ephemeral-storage': '500Gi', pods: '1000' };

/** Lets kwok do what a kubelet does, and no more. */
export async function grantKwok(client: ApiClient, signal: AbortSignal): Promise<void> {
  const role = rbac('ClusterRole', 'clusterroles');
  const binding = rbac('ClusterRoleBinding', 'clusterrolebindings');
  await Promise.all([
    client.apply(role, kwokRole(), { fieldManager, force: true, signal }),
    client.apply(binding, kwokBinding(), { fieldManager, force: true, signal }),
  ]);
}

/** Makes the Node objects that kwok then keeps alive. */
export async function createNodes(
  client: ApiClient,
  {
    controlPlane,
    count,
    region,
    signal,
  }: { controlPlane: string; count: number; region: string | undefined; signal: AbortSignal },
): Promise<void> {
  const wanted = Array.from({ length: count }, (_, index) =>
    nodeObject(`${controlPlane}-node-${index + 1}`, region),
  );
  await Promise.all(
    wanted.map(async (node) => {
      await client.apply(nodes, node, { fieldManager, force: true, signal });
      await client.apply(
        nodes,
        { ...node, status: { capacity, allocatable: capacity } },
        { fieldManager, force: true, subresource: 'status', signal },
      );
    }),
  );
}

function nodeObject(name: string, region: string | undefined): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        type: 'kwok',
        ...(region
          ? { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': `${region}-1` }
          : {}),
      },
    },
  };
}

function kwokRole(): KubeObject {
  const rule = (apiGroup: string, resources: string[], verbs: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs,
  });
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: roleName },
    rules: [
      rule('', ['nodes', 'pods'], ['get', 'list', 'watch', 'patch', 'update']),
      rule('', ['pods'], ['delete']),
      rule('', ['nodes/status', 'pods/status'], ['get', 'patch', 'update']),
      rule('', ['events'], ['create', 'patch', 'update']),
      rule('events.k8s.io', ['events'], ['create', 'patch', 'update']),
      rule(
        'coordination.k8s.io',
        ['leases'],
        ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'],
      ),
    ],
  };
}

function kwokBinding(): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: roleName },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: clientNames.kwok.user }],
  };
}
