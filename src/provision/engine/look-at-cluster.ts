import { HansaError, isJsonObject, messageOf } from '../../base/index.ts';
import { readMembers } from '../etcd/read-members.ts';
import { type ClusterSpec, controlPlanes } from '../plan/cluster-spec.ts';
import type { ClusterSight, EtcdMember, MachineSight, NodeSight } from '../plan/facts.ts';
import { readClusterConfiguration } from '../steps/kubeadm-config.ts';
import { getObject } from '../steps/kubectl.ts';
import type { Machine } from './executor.ts';
import type { MachineGroup } from './machine-group.ts';

/** The cluster as its own control planes tell it. */
export async function lookAtCluster(
  spec: ClusterSpec,
  machines: Readonly<Record<string, MachineSight>>,
  group: MachineGroup,
  signal: AbortSignal,
): Promise<ClusterSight> {
  const begun = controlPlanes(spec).filter(({ name }) => {
    const sight = machines[name];
    return sight?.kind === 'seen' && sight.facts.kubernetes.manifests.includes('kube-apiserver.yaml');
  });
  if (begun.length === 0) return { kind: 'absent' };
  try {
    const post = await group.healthyControlPlane([], signal);
    const [members, nodes, system, dns, configuration, apiServers, cni] = await Promise.all([
      spec.etcd.kind === 'stacked' ? readMembers(post, { signal }) : Promise.resolve([]),
      readNodes(post, signal),
      getObject(post, ['namespace', 'kube-system'], { signal }),
      getObject(post, ['deployment', 'coredns', '-n', 'kube-system'], { signal }),
      readClusterConfiguration(post, signal).catch(() => undefined),
      readApiVersions(
        begun.map(({ name }) => group.machine(name)),
        signal,
      ),
      hasCni(spec, post, signal),
    ]);
    return {
      kind: 'up',
      uid: textAt(system, 'metadata', 'uid') ?? '',
      apiServers,
      members,
      nodes,
      hasCni: cni,
      dnsReady: Number(numberAt(dns, 'status', 'readyReplicas') ?? 0) > 0,
      configuration,
    };
  } catch (error) {
    signal.throwIfAborted();
    return {
      kind: 'down',
      message: messageOf(error),
      members: await membersOfAny(
        begun.map(({ name }) => group.machine(name)),
        signal,
      ),
    };
  }
}

async function readNodes(post: Machine, signal: AbortSignal): Promise<readonly NodeSight[]> {
  const list = await getObject(post, ['nodes'], { signal });
  return itemsOf(list).map((node): NodeSight => {
    const { metadata = {}, spec = {}, status = {} } = node as unknown as NodeObject;
    const ready = status.conditions?.find(({ type }) => type === 'Ready');
    return {
      name: metadata.name ?? '',
      uid: metadata.uid ?? '',
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
  });
}

interface NodeObject {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
    readonly podCIDRs?: readonly string[];
  };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly kubeletVersion?: string };
  };
}

/** Each API server is asked by itself: during an upgrade they differ. */
async function readApiVersions(
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const answers = await Promise.all(
    machines.map(async (machine) => {
      const { code, stdout } = await machine.transport
        .exec({
          script:
            'kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s --server "https://$1:6443" get --raw /version',
          args: [
            machine.internalAddress.includes(':') ? `[${machine.internalAddress}]` : machine.internalAddress,
          ],
          root: true,
          deadlineMs: 15_000,
          signal,
        })
        .catch((error: unknown) => {
          signal.throwIfAborted();
          if (error instanceof HansaError) return { code: -1, stdout: '' };
          throw error;
        });
      const version = code === 0 ? /"gitVersion":\s*"v([^"]+)"/.exec(stdout)?.[1] : undefined;
      return version ? [[machine.spec.name, version] as const] : [];
    }),
  );
  return Object.fromEntries(answers.flat());
}

async function hasCni({ cni }: ClusterSpec, post: Machine, signal: AbortSignal): Promise<boolean> {
  switch (cni.kind) {
    case 'none':
      return true;
    case 'flannel':
      return (
        (await getObject(post, ['daemonset', 'kube-flannel-ds', '-n', 'kube-flannel'], { signal })) !==
        undefined
      );
    // What a manifest of somebody's holds is told by applying it: the step looks itself.
    case 'manifest':
      return false;
  }
}

async function membersOfAny(
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<readonly EtcdMember[] | undefined> {
  for (const machine of machines) {
    const members = await readMembers(machine, { signal }).catch(() => undefined);
    if (members) return members;
  }
  return undefined;
}

function itemsOf(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!isJsonObject(list) || !Array.isArray(list['items'])) return [];
  return list['items'].filter(isJsonObject);
}

function textAt(object: unknown, section: string, field: string): string | undefined {
  const value = fieldAt(object, section, field);
  return typeof value === 'string' ? value : undefined;
}

function numberAt(object: unknown, section: string, field: string): number | undefined {
  const value = fieldAt(object, section, field);
  return typeof value === 'number' ? value : undefined;
}

function fieldAt(object: unknown, section: string, field: string): unknown {
  const part = isJsonObject(object) ? object[section] : undefined;
  return isJsonObject(part) ? part[field] : undefined;
}
