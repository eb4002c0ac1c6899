import type { ClusterSpec, MachineSpec } from '../../../../src/provision/plan/cluster-spec.ts';
import type {
  EtcdMember,
  MachineFacts,
  MachineSight,
  NodeSight,
  Observed,
} from '../../../../src/provision/plan/facts.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';

/** Names that begin with `m` are control planes, the others workers. */
export function spec(names: readonly string[]): ClusterSpec {
  return {
    name: 'north',
    namespace: 'default',
    version: '1.36.3',
    network: { pods: ['10.244.0.0/16'], services: ['10.96.0.0/16'], domain: 'cluster.local' },
    endpoint: { mode: 'External', host: 'api.north', port: 6443, virtualRouterId: undefined },
    certSANs: [],
    imageRepository: 'registry.k8s.io',
    cgroupDriver: 'systemd',
    etcd: { kind: 'stacked', imageTag: undefined },
    kubeadm: {
      apiServerArgs: [],
      controllerManagerArgs: [],
      schedulerArgs: [],
      etcdArgs: [],
      featureGates: {},
      kubelet: {},
      kubeProxy: {},
      patches: {},
      ignorePreflightErrors: [],
    },
    cni: { kind: 'none' },
    proxy: { mode: 'iptables' },
    protection: { enabled: false, kubeReserved: {}, systemReserved: {}, evictionHard: {} },
    rollout: {
      maxUnavailable: 1,
      drain: { timeoutMs: 300_000, gracePeriodSeconds: undefined, deleteEmptyDirData: false, force: false },
    },
    certificates: { validityHours: 8760, caValidityHours: 87_600, renewBeforeHours: 720 },
    backup: undefined,
    register: undefined,
    deletionPolicy: 'Orphan',
    paused: false,
    machines: names.map(machine),
  };
}

export function machine(name: string): MachineSpec {
  return {
    name,
    role: name.startsWith('m') ? 'control-plane' : 'worker',
    ssh: {
      kind: 'ssh2',
      host: name,
      port: 22,
      user: 'op',
      credential: 'key',
      hostKeys: [],
      bastion: undefined,
      insecureIgnoreHostKey: false,
    },
    internalAddress: undefined,
    addressSelector: undefined,
    nodeName: name,
    labels: {},
    taints: undefined,
    kubeletArgs: [],
  };
}

export function node(name: string, version: string, isControlPlane = name.startsWith('m')): NodeSight {
  return {
    name,
    uid: `uid-${name}`,
    isReady: true,
    readySince: undefined,
    internalAddress: undefined,
    kubeletVersion: `v${version}`,
    isControlPlane,
    isCordoned: false,
    labels: {},
    taints: [],
    podCidrs: [],
  };
}

export function member(name: string, change: Partial<EtcdMember> = {}): EtcdMember {
  return {
    id: `bdae9bbc11dd39${name.padEnd(2, '0').replace('m', 'a')}`,
    name,
    peerUrls: [`https://${name || 'new'}:2380`],
    clientUrls: name ? [`https://${name}:2379`] : [],
    isLearner: false,
    isHealthy: true,
    isLeader: name === 'm1',
    dbSizeBytes: 1,
    raftIndex: '10',
    alarms: [],
    ...change,
  };
}

/** A cluster that is up, each machine at its version. */
export function observed(
  versions: Readonly<Record<string, string>>,
  {
    nodes = {},
    members,
    unreachable = [],
  }: {
    readonly nodes?: Readonly<Record<string, Partial<NodeSight>>>;
    readonly members?: readonly EtcdMember[];
    readonly unreachable?: readonly string[];
  } = {},
): Observed {
  const names = Object.keys(versions);
  const planes = names.filter((name) => name.startsWith('m'));
  const sightOf = (name: string): MachineSight =>
    unreachable.includes(name)
      ? { kind: 'unreachable', reason: 'Unreachable', message: 'no route to host' }
      : { kind: 'seen', facts: factsAt(versions[name] ?? '') };
  return {
    machines: Object.fromEntries(names.map((name) => [name, sightOf(name)])),
    cluster: {
      kind: 'up',
      uid: 'uid',
      apiServers: Object.fromEntries(planes.map((name) => [name, `v${versions[name]}`])),
      members: members ?? planes.map((name) => member(name)),
      nodes: names.map((name) => ({ ...node(name, versions[name] ?? ''), ...nodes[name] })),
      hasCni: true,
      dnsReady: true,
      configuration: undefined,
    },
    others: [],
  };
}

/** Of what a machine tells, plans of day two look at the images of its static pods, a status at what it reaches. */
function factsAt(version: string): MachineFacts {
  const facts: Pick<MachineFacts, 'kubernetes' | 'reaches'> = {
    reaches: [],
    kubernetes: {
      hasKubeletConfig: true,
      hasAdminConfig: true,
      manifests: [],
      pki: [],
      etcdData: 'present',
      server: undefined,
      nodeName: undefined,
      caHash: undefined,
      images: { 'kube-apiserver': `registry.k8s.io/kube-apiserver:v${version}` },
    },
  };
  return facts as MachineFacts;
}

export function journalled(step: string, event: JournalRecord['event']): JournalRecord {
  return {
    at: '2026-11-23T07:00:00Z',
    operation: 'op-1',
    step,
    attempt: 1,
    event,
    inputs: '',
    evidence: {},
    message: undefined,
  };
}
