import { HansaError, isJsonObject, messageOf } from '../../base/index.ts';
import { readMembers } from '../etcd/read-members.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight, EtcdMember, MachineFacts, MachineSight, NodeSight } from '../plan/facts.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import { apiServerPort } from '../plan/render/cluster-configuration.ts';
import { readClusterConfiguration } from '../steps/kubeadm-config.ts';
import { getObject } from '../steps/kubectl.ts';
import type { Machine } from './executor.ts';
import type { MachineGroup } from './machine-group.ts';

/**
 * The cluster as its own control planes tell it, those that are to leave included: they may be all there is.
 *
 * *Guarantees*: an API server that speaks for another cluster than the `known` one, or than most, is not heard. A control
 * plane whose disk was emptied can come up as one, alone and with nothing in it.
 */
export async function lookAtCluster(
  spec: ClusterSpec,
  machines: Readonly<Record<string, MachineSight>>,
  group: Pick<MachineGroup, 'machine' | 'controlPlanes'>,
  { known, signal }: { readonly known: string | undefined; readonly signal: AbortSignal },
): Promise<ClusterSight> {
  const begun = group.controlPlanes.flatMap(({ name }) => {
    const sight = machines[name];
    return sight?.kind === 'seen' && isBegun(sight.facts) ? [group.machine(name)] : [];
  });
  if (begun.length === 0) return { kind: 'absent' };
  const all = await askApiServers(begun, signal);
  const speakers = ofOneCluster(all.filter(isSpeaker), known);
  if (speakers.length === 0 && all.length > 0) return replaced(all, known);
  try {
    const [speaker] = speakers;
    if (!speaker) {
      const names = begun.map((machine) => machine.spec.name).join(', ');
      throw new HansaError(`no API server answers on ${names}${withoutManifest(begun)}`, {
        reason: 'NoControlPlane',
      });
    }
    return await hear(spec, speaker, speakers, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'down', message: messageOf(error), members: await membersOfAny(begun, signal) };
  }
}

/** Data of etcd without a manifest of an API server is still a cluster: somebody took the manifest away. */
function isBegun({ kubernetes: { manifests, etcdData } }: MachineFacts): boolean {
  return manifests.includes(apiServerManifest) || etcdData === 'present';
}

function withoutManifest(machines: readonly Machine[]): string {
  const names = machines
    .filter(({ facts }) => !facts.kubernetes.manifests.includes(apiServerManifest))
    .map(({ spec }) => spec.name);
  if (names.length === 0) return '';
  return `; /etc/kubernetes/manifests has no ${apiServerManifest} on ${names.join(', ')}: put it back, from /etc/kubernetes/tmp if it is there`;
}

const apiServerManifest = 'kube-apiserver.yaml';

async function hear(
  spec: ClusterSpec,
  { machine: post, uid }: Speaker,
  speakers: readonly Speaker[],
  signal: AbortSignal,
): Promise<ClusterSight> {
  const [members, nodes, dns, configuration, cni] = await Promise.all([
    spec.etcd.kind === 'stacked' ? readMembers(post, { signal }) : Promise.resolve([]),
    readNodes(post, signal),
    getObject(post, ['deployment', 'coredns', '-n', 'kube-system'], { signal }),
    readClusterConfiguration(post, signal).catch(() => undefined),
    hasCni(spec, post, signal),
  ]);
  return {
    kind: 'up',
    uid,
    apiServers: Object.fromEntries(speakers.map(({ machine, version }) => [machine.spec.name, version])),
    members,
    nodes,
    hasCni: cni,
    dnsReady: Number(numberAt(dns, 'status', 'readyReplicas') ?? 0) > 0,
    configuration,
  };
}

/** An API server that is ready. */
interface ApiServer {
  readonly machine: Machine;
  readonly version: string;
  /** Of the namespace kube-system; undefined: it doesn't know the administrator that kubeadm made, as if it were new. */
  readonly uid: string | undefined;
}

/** One that tells whom it speaks for. */
interface Speaker extends ApiServer {
  readonly uid: string;
}

function isSpeaker(server: ApiServer): server is Speaker {
  return server.uid !== undefined;
}

/** Nobody is asked about members: what etcd tells there is of the other cluster. */
function replaced(servers: readonly ApiServer[], known: string | undefined): ClusterSight {
  const names = servers.map(({ machine }) => machine.spec.name).join(', ');
  const uid = servers.find(isSpeaker)?.uid;
  const sign =
    uid === undefined
      ? 'does not know the administrator of admin.conf'
      : `speaks for another cluster than the one that was made (kube-system has the UID ${uid}, and had ${known})`;
  return {
    kind: 'down',
    message: `the API server of ${names} ${sign}: the data of etcd was emptied or exchanged there`,
    members: undefined,
    isReplaced: true,
  };
}

/** Those of the known cluster; else of the one that most speak for; of two that are alone, the one that was there first. */
export function ofOneCluster<T extends Pick<Speaker, 'uid'>>(
  speakers: readonly T[],
  known: string | undefined,
): readonly T[] {
  if (known !== undefined) return speakers.filter(({ uid }) => uid === known);
  const groups = Map.groupBy(speakers, ({ uid }) => uid);
  return [...groups.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
}

/** Each by itself: during an upgrade they differ, and the endpoint would lead to any of them. */
async function askApiServers(
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<readonly ApiServer[]> {
  const answers = await Promise.all(
    machines.map(async (machine): Promise<readonly ApiServer[]> => {
      try {
        const { code, stdout } = await machine.transport.exec({
          script: `
ask() { kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s --server "$server" "$@"; }
server=$1
ask get --raw /readyz >/dev/null
ask get --raw /version
ask get namespace kube-system -o 'jsonpath=uid={.metadata.uid}' 2>&1 || :`,
          args: [addressUrl(machine.internalAddress, apiServerPort)],
          root: true,
          deadlineMs: 30_000,
          signal,
        });
        const version = /"gitVersion":\s*"v([^"]+)"/.exec(stdout)?.[1];
        const uid = /uid=(\S+)/.exec(stdout)?.[1];
        const isKnown = uid !== undefined || stdout.includes('(Forbidden)');
        return code === 0 && version && isKnown ? [{ machine, version, uid }] : [];
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof HansaError) return [];
        throw error;
      }
    }),
  );
  return answers.flat();
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

function numberAt(object: unknown, section: string, field: string): number | undefined {
  const value = fieldAt(object, section, field);
  return typeof value === 'number' ? value : undefined;
}

function fieldAt(object: unknown, section: string, field: string): unknown {
  const part = isJsonObject(object) ? object[section] : undefined;
  return isJsonObject(part) ? part[field] : undefined;
}
