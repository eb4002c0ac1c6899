import { apiServerPort } from '../render/cluster-configuration.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { Refusal } from '../steps.ts';
import type { Candidate } from './candidate.ts';

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
    facts.reaches.some(({ address, outcome }) => address === endpoint.host && outcome === 'reached'),
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

/** Asked of every machine, beside the other machines. */
export function endpointPeer({
  endpoint,
}: ClusterSpec): readonly { readonly address: string; readonly port: number }[] {
  return endpoint.mode === 'Keepalived' ? [{ address: endpoint.host, port: apiServerPort }] : [];
}

function isSetUp({ facts }: Candidate): boolean {
  return facts.stamps['set-endpoint'] !== undefined;
}
