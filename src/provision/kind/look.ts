import { isJsonObject, messageOf } from '../../base/index.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight, NodeSight } from '../plan/facts.ts';
import type { KindNode } from './plan/ownership.ts';
import { failed, kubectlInNode } from './kubectl-in-node.ts';
import type { KindTools } from './tools.ts';

/** The containers of a kind cluster, stopped ones too, first control plane first. */
export async function findNodes(
  name: string,
  tools: KindTools,
  signal: AbortSignal,
): Promise<readonly KindNode[]> {
  const list = ['ps', '--all', '--quiet', '--no-trunc', '--filter', `label=io.x-k8s.kind.cluster=${name}`];
  const listed = await tools.docker(list, { signal });
  if (listed.code !== 0) throw failed('docker ps', listed);
  const ids = listed.stdout.split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  const shown = await tools.docker(['inspect', ...ids], { signal });
  if (shown.code !== 0) throw failed('docker inspect', shown);
  const containers = JSON.parse(shown.stdout) as readonly Container[];
  return containers
    .map(({ Id, Name, Created, State, Config }) => ({
      id: Id,
      name: Name.replace(/^\//, ''),
      role: Config.Labels?.['io.x-k8s.kind.role'] ?? '',
      isRunning: State.Running,
      createdAt: Created,
    }))
    .toSorted((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
}

interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly State: { readonly Running: boolean };
  readonly Config: { readonly Labels?: Readonly<Record<string, string>> };
}

/** The cluster as its own API tells it, asked from inside of a control plane. */
export async function lookAtKindCluster(
  { name }: Pick<ClusterSpec, 'name'>,
  nodes: readonly KindNode[],
  tools: KindTools,
  signal: AbortSignal,
): Promise<ClusterSight> {
  if (nodes.length === 0) return { kind: 'absent' };
  const post = nodes.find(({ role, isRunning }) => role === 'control-plane' && isRunning);
  if (!post) return down(`no control plane of ${name} runs: its containers are stopped`);
  try {
    const get = async (args: readonly string[]) => {
      const end = await kubectlInNode(post, ['get', '-o', 'json', ...args], tools, { signal });
      if (end.code !== 0) throw failed(`kubectl get ${args[0] ?? ''}`, end);
      return JSON.parse(end.stdout) as unknown;
    };
    const version = await kubectlInNode(post, ['get', '--raw', '/version'], tools, { signal });
    if (version.code !== 0) throw failed('the API server', version);
    const [list, dns, system] = [
      (await get(['nodes'])) as { readonly items: readonly NodeObject[] },
      await get(['deployment', 'coredns', '--namespace=kube-system', '--ignore-not-found']).catch(
        () => undefined,
      ),
      (await get(['namespace', 'kube-system'])) as { readonly metadata: { readonly uid: string } },
    ];
    return {
      kind: 'up',
      uid: system.metadata.uid,
      apiServers: { [post.name]: /"gitVersion":\s*"v([^"]+)"/.exec(version.stdout)?.[1] ?? '' },
      members: [],
      nodes: list.items.map(sightOf),
      hasCni: true,
      dnsReady: readyReplicas(dns) > 0,
      configuration: undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    return down(messageOf(error));
  }
}

function down(message: string): ClusterSight {
  return { kind: 'down', message, members: undefined };
}

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly taints?: NodeSight['taints'];
    readonly podCIDRs?: readonly string[];
  };
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly kubeletVersion?: string };
  };
}

function sightOf({ metadata, spec, status }: NodeObject): NodeSight {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return {
    name: metadata.name,
    uid: metadata.uid,
    isReady: ready?.status === 'True',
    readySince: ready?.lastTransitionTime,
    internalAddress: status.addresses?.find(({ type }) => type === 'InternalIP')?.address,
    kubeletVersion: (status.nodeInfo?.kubeletVersion ?? '').replace(/^v/, ''),
    isControlPlane: Object.hasOwn(metadata.labels ?? {}, 'node-role.kubernetes.io/control-plane'),
    isCordoned: spec.unschedulable === true,
    labels: metadata.labels ?? {},
    taints: spec.taints ?? [],
    podCidrs: spec.podCIDRs ?? [],
  };
}

function readyReplicas(deployment: unknown): number {
  const status = isJsonObject(deployment) ? deployment['status'] : undefined;
  const ready = isJsonObject(status) ? status['readyReplicas'] : undefined;
  return typeof ready === 'number' ? ready : 0;
}
