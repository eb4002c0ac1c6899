import type { Clock, Logger, Rng } from '../../base/index.ts';
import type { ApiClient, EventRecorder, KubeMetrics } from '../../kube/index.ts';
import type { ConnectMachine, MachineAccessOptions } from '../access/connect-machine.ts';
import type { Goal } from '../engine/goal.ts';
import type { RegistrationSteps } from '../engine/registrar.ts';

export interface ClusterName {
  readonly namespace: string;
  readonly name: string;
}

/** What is counted; all optional work of somebody else, so nothing here may throw. */
export interface ProvisionMetrics {
  /** The engine worked on a cluster; passes that found nothing to do are not told. */
  onRun(run: {
    readonly goal: Goal['kind'];
    readonly result: 'completed' | 'failed' | 'refused' | 'interrupted';
    readonly tookMs: number;
  }): void;
  onPhase(cluster: ClusterName & { readonly phase: string }): void;
  onMachines(cluster: ClusterName & { readonly ready: number; readonly desired: number }): void;
  /** When the first certificate ends, in ms since 1970. */
  onCertificates(cluster: ClusterName & { readonly firstExpiry: number }): void;
  /** When the newest backup was taken, in ms since 1970. */
  onBackup(cluster: ClusterName & { readonly takenAt: number }): void;
  /** The cluster is gone, or kept elsewhere. */
  forget(cluster: ClusterName): void;
}

/** What holds for bundles where a cluster doesn't say so itself. */
export interface DefaultBundle {
  readonly path?: string;
  /** ed25519, PEM. */
  readonly publicKey?: string;
  readonly allowUnsigned: boolean;
}

export interface ProvisionControllerOptions {
  readonly host: ApiClient;
  /** Whose locks these are, such as `pod-name_uuid`. */
  readonly identity: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly kubeMetrics?: KubeMetrics;
  readonly metrics?: ProvisionMetrics;
  /** Events on the objects. */
  readonly tell?: EventRecorder['say'];
  /** undefined: clusters that ask to be registered are told that nobody can. */
  readonly registration?: RegistrationSteps;
  readonly bundle?: DefaultBundle;
  /** Host keys that nobody has pinned: refused (default), or trusted at first sight and kept. */
  readonly trustFirstSight?: boolean;
  /** How machines are reached; for tests. */
  readonly access?: (options: MachineAccessOptions) => ConnectMachine;
  /** Clusters that are worked on at once. Default 8. */
  readonly concurrency?: number;
}
