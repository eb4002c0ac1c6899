import type {
  CertificateSight,
  ClusterSight,
  ClusterSpec,
  JournalRecord,
  MachineSight,
  Observed,
  StoredBackup,
} from '../../provision/index.ts';
import { certificateVerdictOf, isWell as areCertificatesWell } from '../certs/certificate-rows.ts';
import { openSteps, type OpenStep } from './open-steps.ts';
import { openRestore } from './restore-token.ts';
import { type BackupSight, backupSight } from './status-backup.ts';
import { etcdText, fullEtcd, quorumSight, type Stray, straysOf } from './status-etcd.ts';
import { type Next, nextStep, type StatusSight } from './status-next.ts';

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
  /** `3 voters, 3 healthy, 2 needed`. */
  readonly etcd: string | undefined;
  readonly certificates: { readonly isWell: boolean; readonly reason: string; readonly message: string };
  readonly backup: BackupSight;
  readonly openSteps: readonly OpenStep[];
  /** Members of etcd that no machine accounts for. */
  readonly strays: readonly Stray[];
  readonly leaving: readonly string[];
  readonly machines: readonly MachineRow[];
  /** What to do first; undefined: nothing. */
  readonly next: Next | undefined;
}

export interface StatusInput {
  readonly spec: ClusterSpec;
  readonly observed: Observed;
  readonly certificates: readonly CertificateSight[];
  readonly journal: readonly JournalRecord[];
  /** Newest first; undefined: the spec names no place for them; text: why they can't be listed. */
  readonly backups: readonly StoredBackup[] | string | undefined;
  readonly leaving: readonly string[];
  /** It was there once: its kubeconfig is kept. */
  readonly wasMade: boolean;
  readonly now: number;
}

export function statusOf(input: StatusInput): ClusterStatus {
  const { spec, observed, journal, leaving } = input;
  const { cluster } = observed;
  const kind = clusterKind(input);
  const machines = machineRows(input);
  const strays = straysOf(spec, observed);
  const verdict = certificateVerdictOf(spec, observed, input.certificates, input.now);
  const areCertsWell = kind === 'absent' || areCertificatesWell(verdict);
  const backup = backupSight(input);
  const open = openSteps(journal);
  const bad = machines.filter(({ state, etcd }) => state !== 'Ready' || etcd?.isHealthy === false);
  const seen = machineSights(spec, observed, machines);
  const sight: StatusSight = {
    name: spec.name,
    cluster: kind,
    hasQuorum: quorumSight(cluster),
    isReplaced: cluster.kind === 'down' && cluster.isReplaced === true,
    fullEtcd: fullEtcd(cluster),
    certificates: verdict.reason,
    hasOpenRestore: openRestore(journal) !== undefined,
    openSteps: open,
    ...seen,
    leaving,
    strays,
    backup,
  };
  return {
    name: spec.name,
    version: spec.version,
    endpoint: `https://${spec.endpoint.host}:${spec.endpoint.port}`,
    isWell:
      cluster.kind === 'up' &&
      bad.length === 0 &&
      cluster.dnsReady &&
      areCertsWell &&
      strays.length === 0 &&
      seen.closedTo.length === 0 &&
      open.length === 0,
    message: messageFor(spec, { kind, cluster, bad }),
    etcd: etcdText(spec, cluster),
    certificates: {
      isWell: areCertsWell,
      reason: verdict.reason,
      message: kind === 'absent' ? 'there are none yet' : verdict.message,
    },
    backup,
    openSteps: open,
    strays,
    leaving,
    machines,
    next: nextStep(sight),
  };
}

function machineRows({ spec, observed: { machines, cluster }, leaving }: StatusInput): readonly MachineRow[] {
  const members = cluster.kind === 'absent' ? [] : (cluster.members ?? []);
  return spec.machines.map((machine): MachineRow => {
    const node =
      cluster.kind === 'up' ? cluster.nodes.find(({ name }) => name === machine.nodeName) : undefined;
    const member = members.find(({ name }) => name === machine.nodeName);
    const state = stateOf(machines[machine.name], node, cluster.kind);
    return {
      name: machine.name,
      role: machine.role,
      address: machine.internalAddress ?? node?.internalAddress ?? machine.ssh.host,
      state: leaving.includes(machine.name) ? `${state}, leaving` : state,
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
}

function stateOf(
  sight: MachineSight | undefined,
  node: { readonly isReady: boolean; readonly isCordoned: boolean } | undefined,
  cluster: ClusterSight['kind'],
): string {
  if (sight?.kind === 'unreachable') return node?.isReady ? 'Ready, no SSH' : `Unreachable: ${sight.reason}`;
  // Nobody can tell of Nodes while no API server answers.
  if (!node) return cluster === 'down' ? 'Reachable' : 'NoNode';
  return `${node.isReady ? 'Ready' : 'NotReady'}${node.isCordoned ? ', cordoned' : ''}`;
}

function systemOf(sight: MachineSight | undefined): string | undefined {
  if (sight?.kind !== 'seen') return undefined;
  const { os, kernel, cpus, memoryBytes } = sight.facts;
  return `${os.name}, ${kernel}, ${cpus} CPUs, ${Math.round(memoryBytes / 1024 ** 3)} GiB`;
}

function machineSights(
  { machines, version, endpoint }: ClusterSpec,
  observed: Observed,
  rows: readonly MachineRow[],
): Pick<
  StatusSight,
  | 'unreachable'
  | 'unjoined'
  | 'nodeless'
  | 'closedTo'
  | 'unwellEtcd'
  | 'notReady'
  | 'cordoned'
  | 'otherVersions'
> {
  const isSeen = (name: string) => observed.machines[name]?.kind === 'seen';
  const names = (test: (row: MachineRow) => boolean) => rows.filter(test).map(({ name }) => name);
  const nodes = observed.cluster.kind === 'up' ? observed.cluster.nodes : [];
  return {
    unreachable: machines.map(({ name }) => name).filter((name) => !isSeen(name)),
    unjoined: names(({ name, version: kubelet }) => !isSeen(name) && kubelet === undefined),
    nodeless: names(({ name, state }) => isSeen(name) && state.startsWith('NoNode')),
    closedTo:
      endpoint.mode === 'External' ? names(({ name }) => isClosed(observed.machines[name], endpoint)) : [],
    unwellEtcd: names(({ name, etcd }) => isSeen(name) && etcd?.isHealthy === false),
    notReady: names(({ name, state }) => isSeen(name) && state.startsWith('NotReady')),
    cordoned: nodes
      .filter(({ name, isCordoned }) => isCordoned && machines.some(({ nodeName }) => nodeName === name))
      .map(({ name }) => name),
    otherVersions: names((row) => row.version !== undefined && row.version.replace(/^v/, '') !== version),
  };
}

function isClosed(sight: MachineSight | undefined, { host, port }: ClusterSpec['endpoint']): boolean {
  if (sight?.kind !== 'seen') return false;
  return sight.facts.reaches.some(
    (each) => each.address === host && each.port === port && each.outcome !== 'reached',
  );
}

/** Machines that can't be reached may hide a cluster; and what was there and is no more is not the same as what never was. */
function clusterKind({ spec, observed, wasMade }: StatusInput): StatusSight['cluster'] {
  const { cluster, machines } = observed;
  if (cluster.kind !== 'absent') return cluster.kind;
  const isHidden = spec.machines.some(
    ({ role, name }) => role === 'control-plane' && machines[name]?.kind !== 'seen',
  );
  if (isHidden) return 'hidden';
  // Without the manifest of an API server there is none to ask, and its data may be all there.
  if (spec.machines.some(({ name }) => hasData(machines[name]))) return 'down';
  return wasMade ? 'gone' : 'absent';
}

function hasData(sight: MachineSight | undefined): boolean {
  return sight?.kind === 'seen' && sight.facts.kubernetes.etcdData === 'present';
}

function messageFor(
  spec: ClusterSpec,
  {
    kind,
    cluster,
    bad,
  }: {
    readonly kind: StatusSight['cluster'];
    readonly cluster: ClusterSight;
    readonly bad: readonly MachineRow[];
  },
): string {
  switch (kind) {
    case 'absent':
      return 'the cluster does not exist yet';
    case 'gone':
      return 'the cluster was made before, and its control planes have nothing of it any more';
    case 'hidden':
      return 'no control plane that could be reached knows of the cluster';
    case 'down':
      return cluster.kind === 'down'
        ? cluster.message
        : 'no control plane has the manifest of an API server, though data of etcd is there';
    case 'up':
      if (bad.length > 0) return `${bad.length} of ${spec.machines.length} machines are not well`;
      return cluster.kind === 'up' && !cluster.dnsReady
        ? 'all machines are well, but CoreDNS is not ready'
        : 'all machines are well';
  }
}
