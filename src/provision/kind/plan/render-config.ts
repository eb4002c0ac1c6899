import type { ClusterSpec } from '../../plan/cluster-spec.ts';
import { yamlDocuments } from '../../plan/render/yaml.ts';
import type { KindSettings } from './kind-settings.ts';

type Networked = Pick<ClusterSpec, 'network'>;

/** The file that `kind create cluster --config` reads. */
export function renderKindConfig(spec: Networked, kind: KindSettings): string {
  const { extraPortMappings, kubeadmConfigPatches } = kind;
  const nodes = [
    ...Array.from({ length: kind.controlPlanes }, (_, index) => ({
      role: 'control-plane',
      image: kind.nodeImage,
      ...(index === 0 && extraPortMappings.length > 0 && { extraPortMappings }),
    })),
    ...Array.from({ length: kind.workers }, () => ({ role: 'worker', image: kind.nodeImage })),
  ];
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      ipFamily: familyOf(spec.network.services),
      podSubnet: spec.network.pods.join(','),
      serviceSubnet: spec.network.services.join(','),
      ...(kind.apiServerAddress !== undefined && { apiServerAddress: kind.apiServerAddress }),
      ...(kind.apiServerPort !== undefined && { apiServerPort: kind.apiServerPort }),
      ...(kind.proxyMode !== undefined && { kubeProxyMode: kind.proxyMode }),
      ...(kind.cni !== 'kindnet' && { disableDefaultCNI: true }),
    },
    ...(kubeadmConfigPatches.length > 0 && { kubeadmConfigPatches }),
    nodes,
  };
  return yamlDocuments([config]);
}

/**
 * All that kind can't change in a cluster that exists, by the field of the KubeCluster that says it. It goes into the
 * journal when the cluster is made, so that a later difference can be named.
 */
export function fixedFields(
  spec: Networked & Pick<ClusterSpec, 'version'>,
  kind: KindSettings,
): Readonly<Record<string, string>> {
  return {
    'spec.version': spec.version,
    'spec.clusterNetwork.pods': spec.network.pods.join(','),
    'spec.clusterNetwork.services': spec.network.services.join(','),
    'spec.controlPlaneEndpoint.host': kind.apiServerAddress ?? '',
    'spec.controlPlaneEndpoint.port': String(kind.apiServerPort ?? ''),
    'spec.proxy.mode': kind.proxyMode ?? '',
    // A manifest may become another one; kindnet can't be taken out.
    'spec.cni': kind.cni === 'kindnet' ? 'kindnet' : 'own',
    'spec.provider.kind.nodeImage': kind.nodeImage,
    'spec.provider.kind.controlPlanes': String(kind.controlPlanes),
    'spec.provider.kind.workers': String(kind.workers),
    'spec.provider.kind.extraPortMappings': JSON.stringify(kind.extraPortMappings),
    'spec.provider.kind.kubeadmConfigPatches': JSON.stringify(kind.kubeadmConfigPatches),
  };
}

function familyOf(services: readonly string[]): 'ipv4' | 'ipv6' | 'dual' {
  if (services.length > 1) return 'dual';
  return services[0]?.includes(':') ? 'ipv6' : 'ipv4';
}
