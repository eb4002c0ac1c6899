import type { ClusterSpec, MachineSpec } from '../cluster-spec.ts';
import type { MachineFacts } from '../facts.ts';

/** All that kubeadm's configuration of one machine is made from. */
export interface NodeInput {
  readonly cluster: ClusterSpec;
  readonly machine: MachineSpec;
  readonly facts: Pick<MachineFacts, 'cgroup' | 'isContainer' | 'memoryBytes' | 'swapBytes' | 'interfaces'>;
  /** Address other machines reach it by. */
  readonly address: string;
  /** Of all control planes that there shall be, this one included. */
  readonly controlPlaneAddresses: readonly string[];
  /** Path of the runtime's socket. */
  readonly criSocket: string;
  /** The machine has been given all images: pulling would only hide that one is missing. */
  readonly hasImages: boolean;
}
