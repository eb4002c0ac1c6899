import type { ClusterSpec, MachineSpec } from '../cluster-spec.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate, isAnswer } from './candidate.ts';
import { endpointPeer } from './endpoint.ts';

interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Most that one machine tries; a look must not take longer the more machines there are. */
const mostPeers = 60;

/** Which ports of the others a machine must reach: what it will ask there as a member of the cluster. */
export function peersOf(spec: ClusterSpec, name: string): readonly Peer[] {
  const { machines, etcd } = spec;
  const own = machines.find((machine) => machine.name === name);
  if (!own) return [];
  const planes = machines.filter((machine) => machine.role === 'control-plane');
  const others = own.role === 'control-plane' ? [...new Set([...planes, ...machines])] : planes;
  const peers = others
    .filter((machine) => machine.name !== name)
    .flatMap((machine) => {
      const address = machine.internalAddress ?? literal(machine.ssh.host);
      if (address === undefined) return [];
      return portsBetween(own, machine, etcd.kind === 'stacked').map((port) => ({ address, port }));
    });
  return [...endpointPeer(spec), ...peers].slice(0, mostPeers);
}

function portsBetween(from: MachineSpec, to: MachineSpec, isStacked: boolean): readonly number[] {
  if (from.role !== 'control-plane') return [6443];
  if (to.role !== 'control-plane') return [10_250];
  return isStacked ? [6443, 2379, 2380, 10_250] : [6443, 10_250];
}

/** Where the spec names no internal address, that of SSH often is one. */
function literal(host: string): string | undefined {
  return /^[0-9.]+$/.test(host) || host.includes(':') ? host : undefined;
}

/** Ports of others that somebody new can't get to. A refusal is an answer: nothing has to listen there yet. A firewall that drops packets is the usual cause, a router the next. */
export function unreached(spec: ClusterSpec, candidates: readonly Candidate[]): readonly Refusal[] {
  return candidates.flatMap((each) => {
    const lost = peersOf(spec, each.machine.name).flatMap(({ address, port }) => {
      const other = candidates.find(({ machine }) => addressOf(machine) === address);
      const sight = each.facts.reaches.find((one) => one.address === address && one.port === port);
      // Between two nodes it is the cluster's health that tells, and a machine that is off is told elsewhere.
      if (!other || !sight || isAnswer(sight.outcome) || !(each.isNew || other.isNew)) return [];
      return [{ to: other.machine.name, address, port, outcome: sight.outcome }];
    });
    return [...Map.groupBy(lost, ({ to }) => to)].map(([to, all]) => {
      const ports = all.map(({ port }) => port).join(', ');
      const how = all.every(({ outcome }) => outcome === 'silent') ? 'nobody answers' : 'there is no way';
      return about(
        each,
        'MachineNotReached',
        `does not reach ${to} (${all[0]?.address}) on TCP port ${ports}: ${how}; open it in the firewalls between them, or correct spec.internalAddress`,
      );
    });
  });
}

function addressOf({ internalAddress, ssh }: MachineSpec): string | undefined {
  return internalAddress ?? literal(ssh.host);
}
