import type { KubeClusterSpec } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { parseAddress } from '../../base/index.ts';
import type { KindSettings } from '../kind/plan/kind-settings.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ClusterObject } from './cluster.ts';
import { checkLabelKeys } from './machines.ts';
import { readNetwork } from './networks.ts';
import type { Findings, ObjectFindings } from './problems.ts';
import { checkVersion } from './versions.ts';

/** What only machines that Hansa itself prepares can have, and what to do instead. */
const machineFields = {
  bundle: 'take it out, since the node image brings all programs',
  imageRepository: 'take it out, since the node image brings all images',
  endpointMode: 'take it out, since kind runs a load balancer where there are several control planes',
  keepalived: 'take it out, since kind runs a load balancer where there are several control planes',
  certSANs: 'patch ClusterConfiguration in spec.provider.kind.kubeadmConfigPatches',
  cgroupDriver: 'patch KubeletConfiguration in spec.provider.kind.kubeadmConfigPatches',
  etcd: 'take it out, since there is one on each control plane',
  kubeadm: 'use spec.provider.kind.kubeadmConfigPatches',
  protection: 'patch KubeletConfiguration in spec.provider.kind.kubeadmConfigPatches',
  machineDefaults: 'take it out, since there are no machines',
  rollout: 'take it out, since such a cluster is made anew rather than changed',
  certificates: 'take it out, since its certificates live as long as kubeadm makes them',
  backup: 'take it out, since there are no backups of such a cluster',
} as const satisfies Partial<Record<keyof KubeClusterSpec, string>>;

export interface KindCluster {
  readonly spec: ClusterSpec;
  readonly settings: KindSettings;
}

/** A KubeCluster with `spec.provider.kind`. What makes no sense there is refused by its name. */
export function readKind(
  { name, namespace, spec }: ClusterObject,
  machines: readonly { readonly name: string }[],
  findings: Findings,
): KindCluster {
  const found = findings.on(`KubeCluster ${name}`);
  if (name.length > 50 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    found.problem(
      'metadata.name',
      'must be lower-case letters, digits and "-", at most 50: it is a part of the names of its containers',
    );
  }
  for (const [field, instead] of Object.entries(machineFields)) {
    if (spec[field as keyof typeof machineFields] === undefined) continue;
    found.problem(`spec.${field}`, `is not for clusters that kind makes: ${instead}`);
  }
  for (const machine of machines) {
    findings
      .on(`KubeMachine ${machine.name}`)
      .problem(
        'spec.clusterName',
        `names ${name}, which kind makes of containers: set spec.provider.kind.controlPlanes and workers, and leave the KubeMachine out`,
      );
  }
  const version = checkVersion(spec.version, found);
  const network = readNetwork(spec, found);
  if (network.domain !== 'cluster.local') {
    found.problem(
      'spec.clusterNetwork.serviceDomain',
      'is always cluster.local in clusters that kind makes: take it out',
    );
  }
  checkLabelKeys(spec.register?.labels ?? {}, 'spec.register.labels', found);
  const settings = settingsOf(spec, version, found);
  return { settings, spec: { ...machineless(spec), name, namespace, version, network } };
}

function settingsOf(spec: KubeClusterSpec, version: string, found: ObjectFindings): KindSettings {
  const { cni, proxy, controlPlaneEndpoint: endpoint, provider } = spec;
  const kind = provider?.kind ?? {};
  if (cni?.flannel) {
    found.problem(
      'spec.cni.flannel',
      'comes from a bundle, which kind has no use for: leave spec.cni out for the network of the node image, or give a manifest',
    );
  }
  if (endpoint?.host !== undefined && !parseAddress(endpoint.host)) {
    found.problem(
      'spec.controlPlaneEndpoint.host',
      'must be an address of the machine that runs Docker, such as 127.0.0.1',
    );
  }
  return {
    nodeImage: kind.nodeImage ?? `kindest/node:v${version}`,
    controlPlanes: kind.controlPlanes ?? 1,
    workers: kind.workers ?? 0,
    apiServerAddress: endpoint?.host,
    apiServerPort: endpoint?.port,
    proxyMode: proxy?.mode,
    cni: cni?.manifest !== undefined ? 'manifest' : cni?.none ? 'none' : 'kindnet',
    extraPortMappings: (kind.extraPortMappings ?? []).map(
      ({ containerPort, hostPort = 0, listenAddress = '127.0.0.1', protocol = 'TCP' }) => ({
        containerPort,
        hostPort,
        listenAddress,
        protocol,
      }),
    ),
    kubeadmConfigPatches: kind.kubeadmConfigPatches ?? [],
  };
}

/** What a cluster without machines has in those fields that only machines have. */
function machineless(spec: KubeClusterSpec): Omit<ClusterSpec, 'name' | 'namespace' | 'version' | 'network'> {
  const { cni, proxy, controlPlaneEndpoint: endpoint } = spec;
  return {
    endpoint: {
      mode: 'External',
      host: endpoint?.host ?? '127.0.0.1',
      port: endpoint?.port ?? 0,
      virtualRouterId: undefined,
    },
    certSANs: [],
    imageRepository: 'registry.k8s.io',
    cgroupDriver: 'systemd',
    etcd: { kind: 'stacked', imageTag: undefined },
    kubeadm: {
      apiServerArgs: [],
      controllerManagerArgs: [],
      schedulerArgs: [],
      etcdArgs: [],
      featureGates: {},
      kubelet: {},
      kubeProxy: {},
      patches: {},
      ignorePreflightErrors: [],
    },
    cni: cni?.manifest === undefined ? { kind: 'none' } : { kind: 'manifest', manifest: cni.manifest },
    proxy: { mode: proxy?.mode ?? 'iptables' },
    protection: { enabled: false, kubeReserved: {}, systemReserved: {}, evictionHard: {} },
    rollout: {
      maxUnavailable: 1,
      drain: { timeoutMs: 0, gracePeriodSeconds: undefined, deleteEmptyDirData: false, force: false },
    },
    certificates: { validityHours: 8760, caValidityHours: 87_600, renewBeforeHours: 720 },
    backup: undefined,
    register: spec.register && { labels: spec.register.labels ?? {} },
    // Nothing but containers is at stake, and left to themselves they would only be in the way.
    deletionPolicy: spec.deletionPolicy ?? 'Reset',
    paused: spec.paused ?? false,
    machines: [],
  };
}
