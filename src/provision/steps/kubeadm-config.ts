import { parse, stringify } from 'yaml';
import { HansaError, isJsonObject, type Json, type JsonObject } from '../../base/index.ts';
import type { Machine } from '../engine/executor.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import { askKubectl, type KubectlHost } from './kubectl.ts';

/** `ClusterConfiguration` as the cluster keeps it. @throws HansaError KubectlFailed, KubeadmConfigMissing */
export async function readClusterConfiguration(on: KubectlHost, signal?: AbortSignal): Promise<JsonObject> {
  const text = await askKubectl(
    on,
    [
      '-n',
      'kube-system',
      'get',
      'configmap',
      'kubeadm-config',
      '-o',
      'jsonpath={.data.ClusterConfiguration}',
    ],
    { signal },
  );
  const configuration = parse(text) as Json;
  if (isJsonObject(configuration) && configuration.kind === 'ClusterConfiguration') return configuration;
  throw new HansaError(
    'the ConfigMap kubeadm-config in kube-system holds no ClusterConfiguration: was this cluster made by kubeadm?',
    { reason: 'KubeadmConfigMissing', retry: 'never' },
  );
}

/** What kubeadm's phases need to know of a machine, beside the ClusterConfiguration. */
export function renderPhaseConfig(machine: Machine, configuration: JsonObject): string {
  const init = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'InitConfiguration',
    localAPIEndpoint: { advertiseAddress: machine.internalAddress, bindPort: 6443 },
    nodeRegistration: {
      name: machine.spec.nodeName,
      criSocket: criSocketOf(machine),
    },
  };
  return `${stringify(init)}---\n${stringify(configuration)}`;
}

/**
 * Enough of a ClusterConfiguration to renew certificates while no API server can be asked. With it kubeadm waits for
 * none, and looks nothing up on the internet.
 */
export function offlineConfiguration(cluster: ClusterSpec, version: string): JsonObject {
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    clusterName: cluster.name,
    kubernetesVersion: `v${version}`,
    controlPlaneEndpoint: endpointOf(cluster),
    certificateValidityPeriod: `${cluster.certificates.validityHours}h0m0s`,
    caCertificateValidityPeriod: `${cluster.certificates.caValidityHours}h0m0s`,
    networking: {
      podSubnet: cluster.network.pods.join(','),
      serviceSubnet: cluster.network.services.join(','),
      dnsDomain: cluster.network.domain,
    },
    ...(cluster.etcd.kind === 'external' && {
      etcd: {
        external: {
          endpoints: [...cluster.etcd.endpoints],
          caFile: '/etc/kubernetes/pki/etcd/ca.crt',
          certFile: '/etc/kubernetes/pki/apiserver-etcd-client.crt',
          keyFile: '/etc/kubernetes/pki/apiserver-etcd-client.key',
        },
      },
    }),
  };
}

function criSocketOf({ facts }: Machine): string {
  const socket = facts.runtimeSockets[0] ?? '/run/containerd/containerd.sock';
  return socket.startsWith('/') ? `unix://${socket}` : socket;
}

function endpointOf({ endpoint: { host, port } }: ClusterSpec): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Writes a configuration for kubeadm to the machine and gives its path. */
export async function writePhaseConfig(
  machine: Machine,
  name: string,
  content: string,
  signal: AbortSignal,
): Promise<string> {
  const path = `/etc/kubernetes/hansa/${name}.yaml`;
  await machine.transport.writeFile({ path, content, mode: 0o600 }, signal);
  return path;
}
