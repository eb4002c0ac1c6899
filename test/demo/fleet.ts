import type { Machine } from '../machines/machine.ts';

/** A cluster of the demo: where it stands and which machines it is made of. */
export interface FleetCluster {
  readonly name: string;
  readonly region: string;
  /** Its control planes. */
  readonly machines: readonly string[];
  readonly workers?: readonly string[];
  /** More of its spec, and objects that go with it. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly objects?: readonly unknown[];
}

const namespace = 'clusters';
const credential = 'fleet-ssh';

/** The file that a person would write for these clusters. */
export function fleetYaml(
  clusters: readonly FleetCluster[],
  machine: (name: string) => Machine,
  version: string,
): string {
  const [first] = clusters.flatMap(({ machines }) => machines);
  const documents = [
    ...clusters.map(({ name }) => secretOf(name, machine(first ?? '').ssh.privateKey)),
    ...clusters.flatMap((cluster, index) => [
      ...(cluster.objects ?? []),
      clusterOf(cluster, version, index),
      ...cluster.machines.map((each) => machineOf(cluster, machine(each), 'control-plane')),
      ...(cluster.workers ?? []).map((each) => machineOf(cluster, machine(each), 'worker')),
    ]),
  ];
  return documents.map((document) => JSON.stringify(document, undefined, 2)).join('\n---\n');
}

function secretOf(cluster: string, privateKey: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${cluster}-${credential}`, namespace },
    type: 'provision.hansa.dev/ssh-credential',
    stringData: { 'ssh-privatekey': privateKey },
  };
}

function clusterOf({ name, region, machines, spec }: FleetCluster, version: string, index: number): unknown {
  return {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeCluster',
    metadata: { name, namespace },
    spec: {
      version,
      endpointMode: machines.length > 1 ? 'LocalProxy' : 'Direct',
      clusterNetwork: {
        pods: { cidrBlocks: [`10.${240 + index}.0.0/16`] },
        services: { cidrBlocks: [`10.${96 + index}.0.0/16`] },
      },
      machineDefaults: { user: 'op', credentialRef: { name: `${name}-${credential}` } },
      register: { labels: { region } },
      ...onContainers,
      ...spec,
    },
  };
}

function machineOf(
  { name: clusterName }: FleetCluster,
  { name, ip, ssh }: Machine,
  role: 'control-plane' | 'worker',
): unknown {
  return {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeMachine',
    metadata: { name, namespace },
    spec: { clusterName, role, host: ip, hostKeys: [ssh.hostKey], taints: [] },
  };
}

/** What a container that plays a machine needs and a machine doesn't: it shares kernel, memory and cgroups with others. */
const onContainers = {
  cgroupDriver: 'cgroupfs',
  proxy: { mode: 'nftables' },
  kubeadm: {
    ignorePreflightErrors: ['SystemVerification'],
    kubeProxy: { conntrack: { maxPerCore: 0 } },
    // The disk is that of everybody here, and however full it is, it is none of the kubelet's business.
    kubelet: {
      evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%', 'nodefs.inodesFree': '0%' },
      imageGCHighThresholdPercent: 100,
    },
  },
  protection: { enabled: false },
} as const;
