import type { KubeClusterStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import type { BackupVerdict, StoredBackup } from '../plan/backup.ts';
import type { CertificateVerdict } from '../plan/certificate-verdict.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight, Observed } from '../plan/facts.ts';
import type { Plan } from '../plan/steps.ts';

/** What is known of a cluster when its status is written. Times are ms since 1970. */
export interface ClusterStory {
  readonly spec: ClusterSpec;
  readonly generation: number;
  readonly before: KubeClusterStatus | undefined;
  readonly isDeleting: boolean;
  /** The last look; undefined: there was none yet. */
  readonly observed: Observed | undefined;
  readonly certificates: CertificateVerdict | undefined;
  readonly backup: BackupStory;
  /** What is left to do; undefined: that is not known. */
  readonly plan: Plan | undefined;
  readonly failure: Failure | undefined;
  /** KubeOperation that is under way, or waits. */
  readonly operation: string | undefined;
  readonly now: number;
}

export interface Failure {
  readonly reason: string;
  /** What is wrong and what to do, in words of the host. */
  readonly message: string;
}

export interface BackupStory {
  readonly verdict: BackupVerdict;
  readonly newest: StoredBackup | undefined;
  /** Of the EtcdBackup that stands for the newest. */
  readonly newestName: string | undefined;
  /** Why the target could not be read. */
  readonly complaint: string | undefined;
}

/** Its control plane was up once. */
export function isMade({ before, observed }: Pick<ClusterStory, 'before' | 'observed'>): boolean {
  return observed?.cluster.kind === 'up' || before?.initialization?.controlPlaneInitialized === true;
}

export function unready({ spec, observed }: ClusterStory): readonly MachineSpec[] {
  const { cluster } = observed ?? {};
  if (cluster?.kind !== 'up') return [];
  return spec.machines.filter(({ nodeName }) => !isReady(cluster, nodeName));
}

export function isReady(cluster: Extract<ClusterSight, { readonly kind: 'up' }>, nodeName: string): boolean {
  return cluster.nodes.some(({ name, isReady: ready }) => name === nodeName && ready);
}

/** RFC 3339, as Kubernetes writes it. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
