import type { ClusterSpec } from '../cluster-spec.ts';
import type { ClusterSight, MachineFacts } from '../facts.ts';
import { type JournalRecord, lastWordOn } from '../journal.ts';
import type { Refusal } from '../steps.ts';
import { refuse } from './draft.ts';
import { hasManifest, hasTraces, peerUrlOf, type Seat } from './seats.ts';

/** A machine that something begun by Hansa has touched in this cluster's name. */
function isOurs({ machine: { name } }: Seat, journal: readonly JournalRecord[]): boolean {
  const steps = ['init-control-plane', 'join-control-plane', 'join-worker'].map((kind) => `${name}/${kind}`);
  return journal.some(({ step }) => steps.includes(step));
}

function hasNode({ kubernetes }: MachineFacts): boolean {
  return kubernetes.hasKubeletConfig || kubernetes.manifests.length > 0 || kubernetes.etcdData === 'present';
}

/** Before there is a cluster: a host that is a node already is one of another's, unless our own journal knows of it. */
export function refuseNodeOfOthers(seat: Seat, journal: readonly JournalRecord[]): readonly Refusal[] {
  const { facts, machine } = seat;
  if (!facts || !hasNode(facts) || isOurs(seat, journal)) return [];
  return [refuse('BelongsToAnother', tellForeign(machine.name, facts), { machine: machine.name })];
}

/** A host with another CA than the cluster's is never touched, whatever the spec says. */
export function refuseOtherCa({ facts, machine }: Seat, ca: string | undefined): readonly Refusal[] {
  if (!facts || !hasNode(facts)) return [];
  const { caHash } = facts.kubernetes;
  if (ca === undefined || caHash === undefined || caHash === ca) return [];
  return [refuse('CaMismatch', tellForeign(machine.name, facts), { machine: machine.name })];
}

function tellForeign(name: string, { kubernetes: { server, nodeName } }: MachineFacts): string {
  const where = server === undefined ? 'another cluster' : `a cluster at ${server}`;
  return `${name} is ${nodeName === undefined ? 'part' : `node ${nodeName}`} of ${where}, which is not this one: run "kubeadm reset" there if nobody needs it, or correct the machine's address`;
}

/** A node keeps its role for life: kubeadm makes a control plane from a machine that is no node yet. */
export function refuseOtherRole({ machine, node, facts }: Seat): readonly Refusal[] {
  if (!node || !facts?.kubernetes.hasKubeletConfig) return [];
  const is = hasManifest(facts, 'kube-apiserver') ? 'control-plane' : 'worker';
  // A control plane in the making has its manifests before it has its label.
  if (is === machine.role || (machine.role === 'control-plane' && node.isControlPlane)) return [];
  if (machine.role === 'control-plane' && facts.kubernetes.manifests.length > 0) return [];
  return [
    refuse(
      'RoleChanged',
      `${machine.name} is a ${is} and the spec makes it a ${machine.role}: take it out of the spec and apply, then put it back with its new role`,
      { machine: machine.name, field: 'spec.machines' },
    ),
  ];
}

/** The host of the spec is not the one that the cluster knows under this name. */
export function refuseMoved({ machine, node, address, facts, lack }: Seat): readonly Refusal[] {
  if (!node || lack === undefined || !facts || facts.kubernetes.hasKubeletConfig) return [];
  const { internalAddress } = node;
  if (internalAddress === undefined || address === undefined || internalAddress === address) return [];
  if (!node.isReady) return [];
  return [
    refuse(
      'NodeElsewhere',
      `Node ${node.name} is Ready at ${internalAddress}, and the spec has ${machine.name} at ${address}: give the new machine another name, so that it comes before the old one goes`,
      { machine: machine.name },
    ),
  ];
}

/** Before a cluster is made, all that shall be in it must be there: half of it is worse than none. */
export function refuseUnreachable({ machine, facts, complaint }: Seat): readonly Refusal[] {
  if (facts) return [];
  return [
    refuse(
      'MachineUnreachable',
      `${machine.name} can't be reached: ${complaint}. Bring it up, or take it out of the spec for now`,
      { machine: machine.name },
    ),
  ];
}

/** One that is to come and doesn't answer holds up nobody else. */
export function warnUnreachable({ machine, facts, complaint, lack }: Seat): readonly Refusal[] {
  if (facts) return [];
  const what = lack === undefined ? 'it is left as it is' : 'it joins with the next apply that can reach it';
  return [
    refuse('MachineUnreachable', `${machine.name} can't be reached (${complaint}): ${what}`, {
      machine: machine.name,
    }),
  ];
}

/**
 * A machine that is to leave and can't be reached is forgotten only by consent, and not while it shows any life: it would
 * come back as a node of nobody's.
 */
export function refuseAbsent(
  { machine, facts, complaint, node, member }: Seat,
  forgotten: ReadonlySet<string>,
): readonly Refusal[] {
  if (facts || (!node && !member)) return [];
  const { name } = machine;
  if (node?.isReady || member?.isHealthy === true) {
    return [
      refuse(
        'MachineAlive',
        `${name} is to leave and can't be reached (${complaint}), but ${node?.isReady ? 'its node is Ready' : 'its member of etcd is well'}: give Hansa a way to it, or switch it off; Kubernetes takes about 40 s to see that, so apply again then`,
        { machine: name },
      ),
    ];
  }
  if (forgotten.has(name)) return [];
  return [
    refuse(
      'MachineUnreachable',
      `${name} is to leave and can't be reached (${complaint}): bring it back to have it reset; or, if it is switched off for good, say so with "--forget-unreachable ${name}"`,
      { machine: name },
    ),
  ];
}

/**
 * The address of a machine that was forgotten without a reset. What is found there with the files of a node is taken for
 * that machine, come back, until somebody has reset it.
 */
export function refuseFenced(seat: Seat, journal: readonly JournalRecord[]): readonly Refusal[] {
  const { machine, address, facts, lack } = seat;
  if (address === undefined || lack === undefined || !facts || !hasTraces(facts)) return [];
  const forgotten = journal.findLastIndex(
    ({ step, event, evidence }) =>
      event === 'intent' && step.startsWith(forgetting) && evidence['peerUrl'] === peerUrlOf(address),
  );
  // What Hansa itself has done there since is nobody else's.
  if (forgotten < 0 || isOurs(seat, journal.slice(forgotten))) return [];
  const owner = journal[forgotten]?.step.slice(forgetting.length);
  return [
    refuse(
      'AddressFenced',
      `${machine.name} has the address ${address} of ${owner}, which was forgotten without a reset, and has the files of a node: if it is that machine, run "kubeadm reset" on it first`,
      { machine: machine.name },
    ),
  ];
}

const forgetting = 'cluster/leave-etcd-';

/** A restore that was begun and not ended: until it is, nobody knows which of the machines has the data. */
export function refuseOpenRestore(
  { kind }: ClusterSight,
  journal: readonly JournalRecord[],
): readonly Refusal[] {
  const last = lastWordOn(journal, 'cluster/restore-etcd');
  // With a cluster that answers it has failed before it stopped anything, or somebody has seen to it.
  if (kind === 'up' || last === undefined || last.event === 'done' || last.event === 'undone') return [];
  return [
    refuse(
      'OperationOpen',
      'a restore of etcd was begun and did not come to its end: run "hansa cluster restore" again first',
    ),
  ];
}

/** Every kubeconfig leads to this one machine. */
export function refuseEndpoint(
  { machine, address }: Seat,
  { endpoint }: Pick<ClusterSpec, 'endpoint'>,
): readonly Refusal[] {
  if (endpoint.mode !== 'Direct' || (endpoint.host !== address && endpoint.host !== machine.ssh.host))
    return [];
  return [
    refuse(
      'EndpointLeaves',
      `${machine.name} is to leave, and every kubeconfig of the cluster leads to it (${endpoint.host}): a cluster that shall outlive its first machine needs an endpoint of another mode from the start`,
      { machine: machine.name, field: 'spec.endpoint' },
    ),
  ];
}
