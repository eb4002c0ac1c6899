import { parseAddress } from '../../base/index.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import { apiServerPort } from '../plan/render/cluster-configuration.ts';

export interface PlaneAddress {
  readonly machine: Pick<MachineSpec, 'name' | 'ssh'>;
  /** undefined: the machine could not be asked. */
  readonly internalAddress: string | undefined;
}

/**
 * Where a host may reach the API of a cluster, the best address first; the certificates of its API servers name all of
 * them.
 *
 * The endpoint is meant for everybody, but for LocalProxy: its name means 127.0.0.1 on the machines, and nothing
 * elsewhere. There, and beside the endpoint of a single control plane, it is a control plane's own address.
 */
export function hostAddresses(
  { endpoint }: Pick<ClusterSpec, 'endpoint'>,
  planes: readonly PlaneAddress[],
): readonly string[] {
  switch (endpoint.mode) {
    case 'External':
    case 'Keepalived':
      return [addressUrl(endpoint.host, endpoint.port)];
    case 'Direct':
      return unique([addressUrl(endpoint.host, endpoint.port), ...ownAddresses(planes)]);
    case 'LocalProxy':
      return unique(ownAddresses(planes));
  }
}

/** Addresses among machines first; those that SSH takes may be the only way in from elsewhere. */
function ownAddresses(planes: readonly PlaneAddress[]): readonly string[] {
  const internal = planes.flatMap(({ internalAddress }) => internalAddress ?? []);
  const bySsh = planes.flatMap(({ machine: { ssh } }) =>
    ssh.kind !== 'local' && !ssh.bastion && parseAddress(ssh.host) ? [ssh.host] : [],
  );
  return [...internal, ...bySsh].map((address) => addressUrl(address, apiServerPort));
}

function unique(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)];
}
