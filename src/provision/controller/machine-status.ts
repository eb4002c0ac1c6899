import type { KubeMachineStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import type { KubeMachineConditionType, MachinePhase } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { type Condition, type ConditionSaid, setConditions } from '../../kube/index.ts';
import { internalAddressOf } from '../engine/machine-group.ts';
import type { CertificateSight } from '../plan/certificates.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight, MachineFacts, MachineSight, NodeSight, Observed } from '../plan/facts.ts';
import type { Plan, StepKind } from '../plan/steps.ts';
import { timeOf } from './cluster-story.ts';
import { keep, say } from './status-parts.ts';

/** What is known of a machine when its status is written. */
export interface MachineStory {
  readonly machine: MachineSpec;
  readonly cluster: Pick<ClusterSpec, 'etcd'>;
  readonly generation: number;
  readonly before: KubeMachineStatus | undefined;
  readonly isLeaving: boolean;
  readonly observed: Observed | undefined;
  /** Of all machines. */
  readonly certificates: readonly CertificateSight[] | undefined;
  readonly plan: Plan | undefined;
  /** A step of this machine that failed in the last run. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined;
  /** ms since 1970. */
  readonly now: number;
}

type Said = ConditionSaid & { readonly type: KubeMachineConditionType };

export function machineStatus(story: MachineStory): KubeMachineStatus {
  const { machine, generation, before, observed, certificates, now } = story;
  const sight = observed?.machines[machine.name];
  const facts = sight?.kind === 'seen' ? sight.facts : undefined;
  const node = nodeOf(story);
  const member = memberOf(story);
  const said = conditionsOf(story, sight);
  const expiry = firstExpiry(certificates, machine.name);
  const address = facts && addressOf(machine, facts);
  return {
    observedGeneration: generation,
    phase: phaseOf(story, said),
    ...(address === undefined ? keep(before, 'internalAddress') : { internalAddress: address }),
    ...keep(before, 'hostKeys'),
    ...(node && { nodeRef: { name: node.name, uid: node.uid } }),
    ...(member && { etcdMemberID: member.id }),
    ...(facts && { versions: versionsOf(facts, node) }),
    ...(expiry === undefined
      ? keep(before, 'certificatesExpiryDate')
      : { certificatesExpiryDate: timeOf(expiry) }),
    conditions: [
      ...setConditions((before?.conditions ?? []) as readonly Condition[], said, { nowMs: now }),
    ] as NonNullable<KubeMachineStatus['conditions']>,
  };
}

/** Where a machine is on its way while a step of this kind is done on it. */
export function phaseWhile(step: StepKind): MachinePhase {
  switch (step) {
    case 'prepare-host':
      return 'Preparing';
    case 'load-bundle':
    case 'install-runtime':
    case 'install-kubernetes':
    case 'import-images':
    case 'set-endpoint':
    case 'copy-pki':
    case 'upgrade-control-plane':
    case 'upgrade-worker':
      return 'Installing';
    case 'init-control-plane':
      return 'Init';
    case 'clear-stale-member':
    case 'join-control-plane':
    case 'join-worker':
      return 'Joining';
    case 'cordon-and-drain':
      return 'Draining';
    case 'leave-etcd':
    case 'delete-node':
      return 'LeavingEtcd';
    case 'reset-machine':
      return 'Resetting';
    case 'apply-cni':
    case 'set-node':
    case 'verify-node':
    case 'verify-cluster':
    case 'store-kubeconfig':
    case 'snapshot-etcd':
    case 'uncordon':
    case 'renew-certificates':
    case 'set-static-pod-args':
    case 'fence-etcd':
    case 'set-sans':
    case 'restore-etcd':
    case 'register-member':
    case 'unregister-member':
      return 'Verifying';
  }
}

function conditionsOf(story: MachineStory, sight: MachineSight | undefined): readonly Said[] {
  const parts = [
    reachableOf(sight),
    hostKeyOf(story, sight),
    preflightOf(story, sight),
    provisionedOf(story, sight),
    joinedOf(story),
    nodeHealthOf(story),
    ...memberHealthOf(story),
    upToDateOf(story),
  ];
  return [...parts, readyOf(story, parts)];
}

function reachableOf(sight: MachineSight | undefined): Said {
  switch (sight?.kind) {
    case undefined:
      return say('Reachable', 'Unknown', 'NotYet', 'it has not been looked at yet');
    case 'seen':
      return say('Reachable', 'True', 'AsDesired', 'it answers over SSH');
    case 'unreachable':
      return say('Reachable', 'False', sight.reason, sight.message);
  }
}

function hostKeyOf({ machine }: MachineStory, sight: MachineSight | undefined): Said {
  const type = 'HostKeyVerified';
  if (machine.ssh.insecureIgnoreHostKey) {
    return say(type, 'False', 'Insecure', 'any host key is taken: pin the key in spec.hostKeys instead');
  }
  if (sight?.kind === 'seen') return say(type, 'True', 'AsDesired', 'it showed the key that is trusted');
  if (sight?.reason.startsWith('HostKey')) return say(type, 'False', sight.reason, sight.message);
  return say(type, 'Unknown', 'NotYet', 'it has not shown a key yet');
}

function preflightOf({ machine, plan }: MachineStory, sight: MachineSight | undefined): Said {
  const type = 'PreflightPassed';
  if (sight?.kind !== 'seen' || !plan) return say(type, 'Unknown', 'NotYet', 'it was not checked yet');
  const refusal = plan.refusals.find((each) => each.machine === machine.name);
  if (refusal) return say(type, 'False', refusal.reason, refusal.message);
  const warnings = plan.warnings.filter((each) => each.machine === machine.name);
  return say(
    type,
    'True',
    'AsDesired',
    warnings.length > 0 ? warnings.map(({ message }) => message).join('; ') : 'it fits',
  );
}

function provisionedOf({ machine, plan }: MachineStory, sight: MachineSight | undefined): Said {
  const type = 'Provisioned';
  if (sight?.kind !== 'seen' || !plan) return say(type, 'Unknown', 'NotYet', 'it was not looked at yet');
  const first = plan.steps.find(
    ({ machine: name, kind }) => name === machine.name && installing.includes(kind),
  );
  if (first) return say(type, 'False', 'InProgress', `${first.title}: ${first.reason}`);
  return sight.facts.programs['kubelet'] === undefined
    ? say(type, 'False', 'NotYet', 'kubelet is not installed')
    : say(type, 'True', 'AsDesired', 'runtime, kubelet and kubeadm are installed');
}

const installing: readonly StepKind[] = [
  'prepare-host',
  'load-bundle',
  'install-runtime',
  'install-kubernetes',
  'import-images',
];

function joinedOf(story: MachineStory): Said {
  if (story.observed?.cluster.kind !== 'up') {
    return say('Joined', 'Unknown', 'Unknown', 'no API server could be asked');
  }
  return nodeOf(story)
    ? say('Joined', 'True', 'AsDesired', `its Node is ${story.machine.nodeName}`)
    : say('Joined', 'False', 'NotYet', `there is no Node ${story.machine.nodeName}`);
}

function nodeHealthOf(story: MachineStory): Said {
  const type = 'NodeHealthy';
  const node = nodeOf(story);
  if (!node) return say(type, 'Unknown', 'NotYet', 'it has no Node');
  const cordoned = node.isCordoned ? ', and takes no pods: it is cordoned' : '';
  return node.isReady
    ? say(type, 'True', 'AsDesired', `its Node is Ready${cordoned}`)
    : say(
        type,
        'False',
        'Unknown',
        `its Node is not Ready${node.readySince ? ` since ${node.readySince}` : ''}: look there with "systemctl status kubelet"`,
      );
}

function memberHealthOf(story: MachineStory): readonly Said[] {
  const { machine, cluster, observed } = story;
  if (machine.role !== 'control-plane' || cluster.etcd.kind === 'external') return [];
  const type = 'EtcdMemberHealthy';
  const member = memberOf(story);
  if (!observed || observed.cluster.kind === 'absent') {
    return [say(type, 'Unknown', 'NotYet', 'there is no etcd yet')];
  }
  if (!member) return [say(type, 'False', 'NotYet', 'etcd has no member of it')];
  if (member.alarms.length > 0)
    return [say(type, 'False', 'QuorumAtRisk', `alarm ${member.alarms.join(', ')}`)];
  if (member.isHealthy !== true)
    return [say(type, 'False', 'QuorumAtRisk', 'its member of etcd is not well')];
  const role = member.isLearner ? 'learner' : member.isLeader ? 'leader' : 'voter';
  return [say(type, 'True', 'AsDesired', `member ${member.id}, ${role}`)];
}

function upToDateOf({ machine, plan, failure }: MachineStory): Said {
  const type = 'UpToDate';
  if (failure) return say(type, 'False', failure.reason, failure.message);
  if (!plan) return say(type, 'Unknown', 'NotYet', 'it was not compared with the spec yet');
  const first = plan.steps.find((step) => step.machine === machine.name);
  return first
    ? say(type, 'False', 'InProgress', `${first.title}: ${first.reason}`)
    : say(type, 'True', 'AsDesired', 'it is as the spec wants it');
}

/** What is wrong first is what to mend first: the others follow from it. */
function readyOf({ isLeaving, machine, plan, failure }: MachineStory, parts: readonly Said[]): Said {
  if (isLeaving) {
    const hold = plan?.refusals.find((each) => each.machine === machine.name) ?? failure;
    return say('Ready', 'False', 'Deleting', hold?.message ?? 'it leaves the cluster');
  }
  const bad = parts.find(
    ({ type, status, reason }) => status !== 'True' && !(type === 'HostKeyVerified' && reason === 'Insecure'),
  );
  return bad
    ? say('Ready', bad.status === 'False' ? 'False' : 'Unknown', bad.reason ?? 'Unknown', bad.message ?? '')
    : say('Ready', 'True', 'AsDesired', 'it is a part of the cluster');
}

function phaseOf({ failure, observed }: MachineStory, said: readonly Said[]): MachinePhase {
  const is = (type: KubeMachineConditionType) => said.find((each) => each.type === type)?.status;
  if (is('Ready') === 'True') return 'Ready';
  if (failure || is('PreflightPassed') === 'False') return 'Failed';
  if (is('Reachable') === 'False') return observed?.cluster.kind === 'up' ? 'Failed' : 'Connecting';
  return 'Pending';
}

function nodeOf({ machine, observed }: MachineStory): NodeSight | undefined {
  if (observed?.cluster.kind !== 'up') return undefined;
  return observed.cluster.nodes.find(({ name }) => name === machine.nodeName);
}

function memberOf({ machine, observed }: MachineStory) {
  const cluster: ClusterSight | undefined = observed?.cluster;
  if (!cluster || cluster.kind === 'absent') return undefined;
  return cluster.members?.find(({ name }) => name === machine.nodeName);
}

function versionsOf(
  { kubernetes, programs }: MachineFacts,
  node: NodeSight | undefined,
): NonNullable<KubeMachineStatus['versions']> {
  const tag = (image: string | undefined) => image?.split(':').at(-1)?.replace(/^v/, '');
  const [apiServer, etcd] = [tag(kubernetes.images['kube-apiserver']), tag(kubernetes.images['etcd'])];
  const kubelet = node?.kubeletVersion.replace(/^v/, '');
  const runtime = ['containerd', 'crio', 'cri-dockerd'].find((name) => programs[name] !== undefined);
  return {
    ...(kubelet !== undefined && { kubelet }),
    ...(apiServer !== undefined && { apiServer }),
    ...(etcd !== undefined && { etcd }),
    ...(runtime !== undefined && { runtime: `${runtime} ${programs[runtime] ?? ''}`.trim() }),
  };
}

/** Authorities live for ten years; what ends first is what matters. */
function firstExpiry(all: readonly CertificateSight[] | undefined, machine: string): number | undefined {
  const own = (all ?? []).filter((each) => each.machine === machine && !each.isAuthority);
  return own.length === 0 ? undefined : Math.min(...own.map(({ notAfter }) => notAfter));
}

/** Its spec may leave the choice to the machine, which may have none that fits. */
function addressOf(machine: MachineSpec, facts: MachineFacts): string | undefined {
  try {
    return internalAddressOf(machine, facts);
  } catch {
    return undefined;
  }
}
