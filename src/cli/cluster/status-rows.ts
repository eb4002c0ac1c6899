import type { ClusterSpec, MachineSight, Observed, StoredCluster } from '../../provision/index.ts';
import { renderTable } from '../table.ts';

export interface EtcdMemberRow {
  readonly id: string;
  readonly name: string;
  readonly role: 'leader' | 'voter' | 'learner';
  readonly isHealthy: boolean;
}

export interface MachineRow {
  readonly name: string;
  readonly role: string;
  readonly address: string;
  /** `Ready`, or what is wrong. */
  readonly state: string;
  readonly version: string | undefined;
  readonly etcd: EtcdMemberRow | undefined;
  readonly system: string | undefined;
}

export interface ClusterStatus {
  readonly name: string;
  readonly version: string;
  readonly endpoint: string;
  readonly isWell: boolean;
  readonly message: string;
  readonly machines: readonly MachineRow[];
}

export function statusOf(spec: ClusterSpec, { machines, cluster }: Observed): ClusterStatus {
  const rows = spec.machines.map((machine): MachineRow => {
    const node =
      cluster.kind === 'up' ? cluster.nodes.find(({ name }) => name === machine.nodeName) : undefined;
    const members = cluster.kind === 'absent' ? [] : (cluster.members ?? []);
    const member = members.find(({ name }) => name === machine.nodeName);
    return {
      name: machine.name,
      role: machine.role,
      address: machine.internalAddress ?? node?.internalAddress ?? machine.ssh.host,
      state: stateOf(machines[machine.name], node),
      version: node?.kubeletVersion,
      etcd: member && {
        id: member.id,
        name: member.name,
        role: member.isLearner ? 'learner' : member.isLeader ? 'leader' : 'voter',
        isHealthy: member.isHealthy === true,
      },
      system: systemOf(machines[machine.name]),
    };
  });
  const bad = rows.filter(({ state, etcd }) => state !== 'Ready' || etcd?.isHealthy === false);
  return {
    name: spec.name,
    version: spec.version,
    endpoint: `https://${spec.endpoint.host}:${spec.endpoint.port}`,
    isWell: cluster.kind === 'up' && bad.length === 0 && cluster.dnsReady,
    message: messageFor(spec, cluster, bad),
    machines: rows,
  };
}

function stateOf(
  sight: MachineSight | undefined,
  node: { readonly isReady: boolean; readonly isCordoned: boolean } | undefined,
): string {
  if (sight?.kind === 'unreachable') return node?.isReady ? 'Ready, no SSH' : `Unreachable: ${sight.reason}`;
  if (!node) return 'NoNode';
  return `${node.isReady ? 'Ready' : 'NotReady'}${node.isCordoned ? ', cordoned' : ''}`;
}

function systemOf(sight: MachineSight | undefined): string | undefined {
  if (sight?.kind !== 'seen') return undefined;
  const { os, kernel, cpus, memoryBytes } = sight.facts;
  return `${os.name}, ${kernel}, ${cpus} CPUs, ${Math.round(memoryBytes / 1024 ** 3)} GiB`;
}

function messageFor(spec: ClusterSpec, cluster: Observed['cluster'], bad: readonly MachineRow[]): string {
  switch (cluster.kind) {
    case 'absent':
      return 'the cluster does not exist yet: "hansa cluster apply" makes it';
    case 'down':
      return `no API server answers: ${cluster.message}`;
    case 'up':
      if (bad.length > 0) return `${bad.length} of ${spec.machines.length} machines are not well`;
      return cluster.dnsReady ? 'all machines are well' : 'all machines are well, but CoreDNS is not ready';
  }
}

export function renderStatus(
  { name, version, endpoint, isWell, message, machines }: ClusterStatus,
  isVerbose: boolean,
): string {
  return [
    `${isWell ? '✓' : '✗'} ${name}  Kubernetes ${version}  ${endpoint}`,
    `  ${message}`,
    '',
    renderTable<MachineRow>(
      [
        { heading: 'MACHINE', cell: (row) => row.name },
        { heading: 'ROLE', cell: ({ role }) => role },
        { heading: 'ADDRESS', cell: ({ address }) => address },
        { heading: 'STATE', cell: ({ state }) => state },
        { heading: 'VERSION', cell: (row) => row.version },
        { heading: 'ETCD', cell: ({ etcd }) => etcd && `${etcd.role}${etcd.isHealthy ? '' : ', not well'}` },
        { heading: 'SYSTEM', cell: ({ system }) => system, wide: true },
      ],
      machines,
      { wide: isVerbose },
    ),
  ].join('\n');
}

export function renderClusters(clusters: readonly StoredCluster[]): string {
  if (clusters.length === 0) return 'No clusters are kept: "hansa cluster apply -f FILE" makes one.';
  return renderTable<StoredCluster>(
    [
      { heading: 'NAMESPACE', cell: ({ namespace }) => namespace },
      { heading: 'NAME', cell: ({ name }) => name },
      {
        heading: 'MACHINES',
        cell: ({ objects }) => objects.filter(({ kind }) => kind === 'KubeMachine').length,
        align: 'right',
      },
      { heading: 'LAST CHANGE', cell: ({ journal }) => journal.at(-1)?.at },
      { heading: 'KEPT IN', cell: ({ movedTo }) => movedTo ?? 'here' },
    ],
    clusters,
  );
}
