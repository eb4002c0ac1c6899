import { hostWithPort, type JsonObject } from '../../../base/index.ts';
import type { ClusterSpec, NamedArgument } from '../cluster-spec.ts';
import { certSansOf } from './cert-sans.ts';
import type { NodeInput } from './node-input.ts';
import { apiServerProtection, etcdProtection } from './protection.ts';

export const kubeadmApiVersion = 'kubeadm.k8s.io/v1beta4';

/** Where API servers listen, on every control plane. */
export const apiServerPort = 6443;

/** Where the certificates for an etcd of others lie. */
export const externalEtcdFiles = {
  caFile: '/etc/kubernetes/pki/etcd/ca.crt',
  certFile: '/etc/kubernetes/pki/apiserver-etcd-client.crt',
  keyFile: '/etc/kubernetes/pki/apiserver-etcd-client.key',
} as const;

/** kubeadm's ClusterConfiguration: what it keeps in the cluster and makes every control plane from. */
export function clusterConfiguration({ cluster, facts, controlPlaneAddresses }: NodeInput): JsonObject {
  const { network, endpoint, kubeadm, certificates, proxy } = cluster;
  return {
    apiVersion: kubeadmApiVersion,
    kind: 'ClusterConfiguration',
    clusterName: cluster.name,
    kubernetesVersion: `v${cluster.version}`,
    // Also for a single machine: it can't be added later without new kubeconfigs everywhere.
    controlPlaneEndpoint: hostWithPort(endpoint.host, endpoint.port),
    imageRepository: cluster.imageRepository,
    networking: {
      podSubnet: network.pods.join(','),
      serviceSubnet: network.services.join(','),
      dnsDomain: network.domain,
    },
    certificateValidityPeriod: goDuration(certificates.validityHours),
    caCertificateValidityPeriod: goDuration(certificates.caValidityHours),
    apiServer: {
      certSANs: [...certSansOf(cluster, controlPlaneAddresses)],
      ...extraArgs(apiServerProtection(cluster, facts.memoryBytes), kubeadm.apiServerArgs),
    },
    controllerManager: extraArgs(kubeadm.controllerManagerArgs),
    scheduler: extraArgs(kubeadm.schedulerArgs),
    etcd: etcdSection(cluster),
    ...(proxy.mode === 'none' && { proxy: { disabled: true } }),
    ...(Object.keys(kubeadm.featureGates).length > 0 && { featureGates: { ...kubeadm.featureGates } }),
  };
}

function etcdSection(cluster: ClusterSpec): JsonObject {
  const { etcd, kubeadm } = cluster;
  if (etcd.kind === 'external') return { external: { endpoints: [...etcd.endpoints], ...externalEtcdFiles } };
  return {
    local: {
      dataDir: '/var/lib/etcd',
      ...(etcd.imageTag !== undefined && { imageTag: etcd.imageTag }),
      ...extraArgs(etcdProtection(cluster), kubeadm.etcdArgs),
    },
  };
}

/** kubeadm's list of flags; what the user says comes in place of ours of the same name. A flag may be given more than once. */
export function extraArgs(...lists: readonly (readonly NamedArgument[])[]): JsonObject {
  const own = lists.at(-1) ?? [];
  const names = new Set(own.map(({ name }) => name));
  const defaults = lists.slice(0, -1).flat();
  const all = [...defaults.filter(({ name }) => !names.has(name)), ...own];
  return all.length === 0 ? {} : { extraArgs: all.map(({ name, value }) => ({ name, value })) };
}

function goDuration(hours: number): string {
  const seconds = Math.round(hours * 3600);
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m${seconds % 60}s`;
}
