import { hostWithPort } from '../../../base/index.ts';
import type { ReachOutcome } from '../facts.ts';
import { apiServerPort } from '../render/cluster-configuration.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { Refusal } from '../steps.ts';
import { about, type Candidate, isAnswer } from './candidate.ts';

/**
 * Whether somebody has the address already that is to move between control planes. Two hosts with one address take each
 * other's connections, and nobody sees why. What a keepalived of ours has put up answers too, so it is asked only before.
 */
export function takenEndpoint(
  { endpoint }: ClusterSpec,
  candidates: readonly Candidate[],
): readonly Refusal[] {
  if (endpoint.mode !== 'Keepalived' || candidates.some(isSetUp)) return [];
  const owner = candidates.find(({ facts }) =>
    facts.interfaces.some(({ addresses }) => addresses.some((text) => text.split('/')[0] === endpoint.host)),
  );
  const witness = candidates.find(({ facts }) =>
    facts.reaches.some(({ address, outcome }) => address === endpoint.host && isAnswer(outcome)),
  );
  if (!owner && !witness) return [];
  const who = owner
    ? `is an address of ${owner.machine.name}`
    : `answers already, as ${witness?.machine.name ?? ''} sees it: another host has it`;
  return [
    {
      reason: 'EndpointTaken',
      machine: undefined,
      field: 'spec.controlPlaneEndpoint.host',
      message: `the address ${endpoint.host} ${who}. It must be free, since control planes take it over from one another: choose another one, or find out who has it ("arping -D -I eth0 ${endpoint.host}" on a machine)`,
    },
  ];
}

/**
 * Machines that can't get to the endpoint that others keep: a load balancer that is down, a name that nobody knows. `kubeadm
 * join` would wait for it for minutes and leave half a node, so nobody joins meanwhile; nodes are told of. Before there is a
 * cluster it may still be made, such as an address that a static pod will put up.
 */
export function closedEndpoint(
  { endpoint: { mode, host, port } }: ClusterSpec,
  candidates: readonly Candidate[],
): { readonly refusals: readonly Refusal[]; readonly warnings: readonly Refusal[] } {
  if (mode !== 'External') return { refusals: [], warnings: [] };
  const closed = candidates.flatMap((each) => {
    const sight = each.facts.reaches.find((one) => one.address === host && one.port === port);
    if (!sight || sight.outcome === 'reached') return [];
    const message = `does not reach the endpoint ${hostWithPort(host, port)} of the cluster: ${hows[sight.outcome]}. See that the load balancer runs and leads to the control planes`;
    const complaint = about(each, 'EndpointNotReached', message, 'spec.controlPlaneEndpoint.host');
    return [{ isNew: each.isNew, complaint }];
  });
  const of = (isNew: boolean) =>
    closed.filter((each) => each.isNew === isNew).map(({ complaint }) => complaint);
  return { refusals: of(true), warnings: of(false) };
}

const hows: Readonly<Record<Exclude<ReachOutcome, 'reached'>, string>> = {
  refused: 'nothing listens there',
  silent: 'nobody answers',
  unreachable: 'there is no way to it',
  'unknown-name': 'its name is unknown there',
};

/** Asked of every machine, beside the other machines. */
export function endpointPeer({
  endpoint,
}: ClusterSpec): readonly { readonly address: string; readonly port: number }[] {
  switch (endpoint.mode) {
    case 'Keepalived':
      return [{ address: endpoint.host, port: apiServerPort }];
    case 'External':
      return [{ address: endpoint.host, port: endpoint.port }];
    default:
      return [];
  }
}

function isSetUp({ facts }: Candidate): boolean {
  return facts.stamps['set-endpoint'] !== undefined;
}
