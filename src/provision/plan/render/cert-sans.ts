import { parseAddress } from '../../../base/index.ts';
import { type ClusterSpec, controlPlanes } from '../cluster-spec.ts';

/** The name every machine of a cluster knows its API by, whatever the endpoint is. */
export function apiAlias({ name }: Pick<ClusterSpec, 'name'>): string {
  return `api.${name}`;
}

/**
 * Names that API servers answer to. All that can be known is in it from the start, since each later one costs new
 * certificates on every control plane.
 */
export function certSansOf(
  cluster: Pick<ClusterSpec, 'name' | 'endpoint' | 'certSANs' | 'machines'>,
  controlPlaneAddresses: readonly string[],
): readonly string[] {
  const sshAddresses = controlPlanes(cluster as ClusterSpec)
    .map(({ ssh }) => ssh.host)
    .filter((host) => parseAddress(host) !== undefined);
  return [
    ...new Set([
      apiAlias(cluster),
      cluster.endpoint.host,
      'localhost',
      '127.0.0.1',
      '::1',
      ...controlPlaneAddresses,
      ...sshAddresses,
      ...cluster.certSANs,
    ]),
  ];
}
