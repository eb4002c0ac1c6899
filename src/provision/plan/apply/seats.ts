import { networkHas, parseAddress, parseCidr } from '../../../base/index.ts';
import type { ClusterSpec, MachineSpec } from '../cluster-spec.ts';
import type { EtcdMember, MachineFacts, NodeSight, Observed } from '../facts.ts';
import { type JournalRecord, lastWordOn } from '../journal.ts';
import { addressUrl } from '../render/address-url.ts';
import type { ControlPlaneAddress } from '../render/haproxy.ts';
import { hasNeverVoted } from '../stale-member.ts';

/** A machine with all that is known of it. */
export interface Seat {
  readonly machine: MachineSpec;
  /** undefined: it could not be asked. */
  readonly facts: MachineFacts | undefined;
  /** Why it could not be asked. */
  readonly complaint: string | undefined;
  /** That others reach it by; undefined: it can't be told. */
  readonly address: string | undefined;
  readonly node: NodeSight | undefined;
  /** Of etcd, at its peer URL. */
  readonly member: EtcdMember | undefined;
  /** What it lacks to be a node of its role; undefined: nothing. */
  readonly lack: string | undefined;
}

export interface Sights {
  readonly spec: ClusterSpec;
  readonly observed: Observed;
  readonly journal: readonly JournalRecord[];
}

export function seatOf(machine: MachineSpec, sights: Sights): Seat {
  const { observed } = sights;
  const sight = observed.machines[machine.name];
  const up = observed.cluster.kind === 'up' ? observed.cluster : undefined;
  const facts = sight?.kind === 'seen' ? sight.facts : undefined;
  const node = up?.nodes.find(({ name }) => name === machine.nodeName);
  const address = addressOf(machine, facts, node);
  const url = address === undefined ? undefined : peerUrlOf(address);
  // Without an address, by the name that kubeadm gives it.
  const member = up?.members.find(({ peerUrls, name }) =>
    url === undefined ? name === machine.nodeName : peerUrls.includes(url),
  );
  const seat = { machine, facts, address, node, member };
  return {
    ...seat,
    complaint:
      sight === undefined ? 'it was not asked' : sight.kind === 'unreachable' ? sight.message : undefined,
    lack: up ? lackOf(seat, sights) : 'there is no cluster yet',
  };
}

export function peerUrlOf(address: string): string {
  return addressUrl(address, 2380);
}

/** As the spec says; else the one address that fits; else what the cluster knows. */
function addressOf(
  { internalAddress, addressSelector }: MachineSpec,
  facts: MachineFacts | undefined,
  node: NodeSight | undefined,
): string | undefined {
  if (internalAddress !== undefined) return internalAddress;
  const network = addressSelector === undefined ? undefined : parseCidr(addressSelector);
  const fitting = (facts?.interfaces ?? [])
    .flatMap(({ addresses }) => addresses.map((text) => text.split('/')[0] ?? ''))
    .filter((text) => {
      const address = parseAddress(text);
      return address !== undefined && (network === undefined || networkHas(network, address));
    });
  return fitting.length === 1 ? fitting[0] : node?.internalAddress;
}

function lackOf(
  { machine, facts, node, member }: Omit<Seat, 'complaint' | 'lack'>,
  { spec, journal }: Sights,
): string | undefined {
  const { name, nodeName, role } = machine;
  if (!node) return `Node ${nodeName} does not exist`;
  if (facts && !facts.kubernetes.hasKubeletConfig) {
    return `Node ${nodeName} exists, and ${name} has nothing of a kubelet: it was reset or made anew`;
  }
  if (role === 'control-plane') {
    if (facts && !hasManifest(facts, 'kube-apiserver')) return `${name} has no API server`;
    if (spec.etcd.kind === 'stacked') {
      if (!member) return `etcd has no member on ${name}`;
      if (hasNeverVoted(member)) return `the member of etcd on ${name} does not vote`;
      if (facts && facts.kubernetes.etcdData !== 'present') return `the data of etcd on ${name} is gone`;
    }
  }
  return isUnfinished(journal, joinOf(machine)) ? `its join was begun and not seen to end` : undefined;
}

export function hasManifest({ kubernetes }: MachineFacts, component: string): boolean {
  return kubernetes.manifests.some((file) => file.endsWith(`${component}.yaml`));
}

export function joinOf({ name, role }: Pick<MachineSpec, 'name' | 'role'>): string {
  return `${name}/${role === 'worker' ? 'join-worker' : 'join-control-plane'}`;
}

/** A step that was begun, and whose last word is not that it was done. */
export function isUnfinished(journal: readonly JournalRecord[], step: string): boolean {
  const last = lastWordOn(journal, step);
  return last !== undefined && last.event !== 'done';
}

/** It has data of etcd and its manifest, and etcd knows it no more; a join that is under way is another thing. */
export function isOfFormerEtcd({ machine, facts, member }: Seat, journal: readonly JournalRecord[]): boolean {
  return (
    isPlane({ machine }) &&
    member === undefined &&
    facts?.kubernetes.etcdData === 'present' &&
    hasManifest(facts, 'etcd') &&
    !isUnfinished(journal, joinOf(machine))
  );
}

/** Anything that kubeadm left, of whatever cluster. */
export function hasTraces({ kubernetes }: MachineFacts): boolean {
  return (
    kubernetes.hasKubeletConfig ||
    kubernetes.hasAdminConfig ||
    kubernetes.manifests.length > 0 ||
    kubernetes.pki.length > 0 ||
    kubernetes.etcdData === 'present'
  );
}

/** Where endpoints shall lead: all control planes of the spec. undefined: the address of one can't be told. */
export function controlPlaneAddresses(seats: readonly Seat[]): readonly ControlPlaneAddress[] | undefined {
  const planes = seats.filter(isPlane);
  const known = planes.flatMap(({ machine, address }) =>
    address === undefined ? [] : [{ name: machine.name, address }],
  );
  return known.length === planes.length ? known : undefined;
}

export function isPlane({ machine }: Pick<Seat, 'machine'>): boolean {
  return machine.role === 'control-plane';
}

/** Two machines of the spec, or of before and after, that are one host, or one node to the cluster. */
export function isSamePlace(one: Seat, other: Seat): boolean {
  const a = one.machine;
  const b = other.machine;
  return (
    a.nodeName === b.nodeName ||
    (a.ssh.kind !== 'local' &&
      a.ssh.host === b.ssh.host &&
      a.ssh.port === b.ssh.port &&
      a.ssh.bastion?.host === b.ssh.bastion?.host) ||
    (one.address !== undefined && one.address === other.address)
  );
}

/** Hash of the CA that the cluster's control planes have; undefined: none tells. */
export function clusterCa(seats: readonly Seat[], { cluster }: Observed): string | undefined {
  if (cluster.kind !== 'up') return undefined;
  return seats.find(
    ({ machine, facts }) =>
      cluster.apiServers[machine.name] !== undefined && facts?.kubernetes.caHash !== undefined,
  )?.facts?.kubernetes.caHash;
}
