import { hashOf, type Json } from '../../../base/index.ts';
import type { ClusterSpec, MachineSpec } from '../cluster-spec.ts';
import type { ControlPlaneAddress } from './haproxy.ts';

export const stampedKinds = [
  'prepare-host',
  'install-runtime',
  'install-kubernetes',
  'set-endpoint',
] as const;
export type StampedKind = (typeof stampedKinds)[number];

export interface StampInput {
  readonly cluster: ClusterSpec;
  readonly machine: MachineSpec;
  /** That the endpoint shall lead to. */
  readonly controlPlanes: readonly ControlPlaneAddress[];
}

/** Raised when what a step does changes, so that machines prepared by an older Hansa get it too. */
const recipe = {
  'prepare-host': 2,
  'install-runtime': 2,
  'install-kubernetes': 2,
  'set-endpoint': 1,
} as const;

/**
 * Hash of what a step makes its files from. A machine that shows the same hash needs the step no more; what the machine
 * itself adds (its kernel, its runtime) doesn't change under a node.
 */
export function stampOf(kind: StampedKind, input: StampInput): string {
  return hashOf([kind, recipe[kind], partsFor(kind, input)] as Json);
}

function partsFor(kind: StampedKind, { cluster, machine, controlPlanes }: StampInput): unknown {
  const { network, cni, cgroupDriver, imageRepository, protection, version, endpoint, name, kubeadm } =
    cluster;
  switch (kind) {
    case 'prepare-host':
      return { network, cni: cni.kind, protection: protection.enabled };
    case 'install-runtime':
      // The pause image comes with a minor version, so an upgrade brings a new one.
      return { cgroupDriver, imageRepository, protection: protection.enabled, version: minorOf(version) };
    case 'install-kubernetes':
      // kubelet and its friends are replaced by an upgrade, node by node; this step is for machines without any.
      return { protection: protection.enabled };
    case 'set-endpoint':
      return {
        name,
        endpoint,
        role: endpoint.mode === 'Keepalived' ? machine.role : undefined,
        anonymous: kubeadm.apiServerArgs.filter(({ name: flag }) => flag === 'anonymous-auth'),
        controlPlanes:
          endpoint.mode === 'LocalProxy' || hasProxy(endpoint.mode, machine) ? sorted(controlPlanes) : [],
      };
  }
}

function hasProxy(mode: ClusterSpec['endpoint']['mode'], { role }: MachineSpec): boolean {
  return mode === 'LocalProxy' || (mode === 'Keepalived' && role === 'control-plane');
}

/** The same machines in another order are the same proxy. */
function sorted(controlPlanes: readonly ControlPlaneAddress[]): readonly ControlPlaneAddress[] {
  return controlPlanes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
