import {
  etcdBackupAddress,
  type EtcdBackupSpec,
  type EtcdBackupStatus,
} from '../../api/provision.hansa.dev/v1alpha1/etcd-backup.ts';
import {
  kubeClusterAddress,
  type KubeClusterSpec,
  type KubeClusterStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  kubeMachineAddress,
  type KubeMachineStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import {
  kubeOperationAddress,
  type KubeOperationStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import {
  clusterLabel,
  provisionFinalizer,
  provisionGroup,
} from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError, type Json } from '../../base/index.ts';
import { type ApiClient, type ResourceType, secretType } from '../../kube/index.ts';
import type { StoredBackup } from '../plan/backup.ts';
import { timeOf } from './cluster-story.ts';
import { ownSecrets } from '../store/index.ts';
import { statusPatch } from './status-patch.ts';
import {
  type BackupView,
  type ClusterView,
  hasFinalizer,
  type MachineView,
  type OperationView,
  type View,
  viewCluster,
} from './views.ts';

const toStatus = { type: 'merge', subresource: 'status' } as const;
const merge = { type: 'merge' } as const;
/** Between a read and the write that follows it somebody may write; more than a few times in a row is a fault. */
const conflictsMost = 4;

/** Everything that is written of a cluster's objects, beside its journal. What is so already is not written. */
export class HostWriter {
  readonly #client: ApiClient;
  /** Statuses as they were last written: a cache may be behind. */
  readonly #written = new Map<string, object>();

  readonly #writing = new Map<string, Promise<void>>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** As it stands now, or will stand once the cache has caught up. */
  statusOf<Status extends object>({ uid, status }: View<unknown, Status>): Status | undefined {
    return (this.#written.get(uid) as Status | undefined) ?? status;
  }

  async clusterStatus(cluster: ClusterView, status: KubeClusterStatus): Promise<void> {
    await this.#status(kubeClusterAddress, cluster, status);
  }

  async machineStatus(machine: MachineView, status: KubeMachineStatus): Promise<void> {
    await this.#status(kubeMachineAddress, machine, status);
  }

  /** Before anything is changed: from then on they go only when what they stand for is let go of. */
  async hold(cluster: ClusterView, machines: readonly MachineView[]): Promise<void> {
    for (const view of [cluster, ...machines]) {
      // The API server takes no new finalizer on what is being deleted.
      if (hasFinalizer(view) || view.deletedAt !== undefined) continue;
      await this.#finalizers(view, (finalizers) => [...new Set([...finalizers, provisionFinalizer])]);
    }
  }

  async letGo(view: ClusterView | MachineView): Promise<void> {
    await this.#finalizers(view, (finalizers) => finalizers.filter((each) => each !== provisionFinalizer));
    this.#written.delete(view.uid);
  }

  /** @returns the cluster with it. @throws HansaError Conflict, if somebody changed it meanwhile */
  async setVersion(cluster: ClusterView, version: string): Promise<ClusterView> {
    const { resourceVersion } = cluster;
    const answer = await this.#client.patch(
      kubeClusterAddress,
      cluster,
      { metadata: { resourceVersion }, spec: { version } },
      merge,
    );
    return viewCluster(answer);
  }

  /** An EtcdBackup for a file of the target that has none yet. */
  async recordBackup(
    cluster: ClusterView,
    { name, takenAt, sizeBytes }: StoredBackup,
    known: Pick<EtcdBackupSpec, 'trigger'> & Partial<EtcdBackupSpec>,
  ): Promise<void> {
    const { backup } = cluster.spec satisfies KubeClusterSpec;
    if (!backup) return;
    const spec: EtcdBackupSpec = {
      clusterName: cluster.name,
      takenAt: timeOf(takenAt),
      target: backup.target,
      file: name,
      sizeBytes,
      encryptionSecretRef: backup.encryptionSecretRef,
      ...known,
    };
    const isVerified = known.trigger !== 'Found';
    const status: EtcdBackupStatus = isVerified
      ? { phase: 'Verified', verifiedAt: timeOf(takenAt), message: 'it was read back when it was taken' }
      : { phase: 'Unverified', message: 'it was in the target; a restore verifies it first' };
    const metadata = {
      namespace: cluster.namespace,
      name: backupObjectName(cluster.name, takenAt),
      labels: { [clusterLabel]: cluster.name },
    };
    try {
      await this.#client.create(etcdBackupAddress, {
        apiVersion: `${provisionGroup}/v1alpha1`,
        kind: etcdBackupAddress.kind,
        metadata,
        spec,
      });
    } catch (error) {
      if (!(error instanceof HansaError && error.reason === 'AlreadyExists')) throw error;
    }
    await this.#client.patch(etcdBackupAddress, metadata, { status: status as Json }, toStatus);
  }

  async backupStatus(backup: BackupView, status: EtcdBackupStatus): Promise<void> {
    await this.#status(etcdBackupAddress, backup, { ...backup.status, ...status });
  }

  /** Its journal stays: it is written elsewhere. */
  async operationStatus(
    operation: OperationView,
    { phase, message, completedAt }: Pick<KubeOperationStatus, 'phase' | 'message' | 'completedAt'>,
  ): Promise<void> {
    const status = { phase, message, completedAt } as Json;
    await this.#client.patch(kubeOperationAddress, operation, { status }, toStatus);
  }

  async removeBackup(backup: BackupView): Promise<void> {
    await this.#remove(etcdBackupAddress, backup);
  }

  /** Keys and kubeconfig of a cluster that is no more; those that others made under such a name stay. */
  async removeSecrets({ namespace, name }: ClusterView): Promise<void> {
    for (const secret of ownSecrets(name)) {
      const ref = { namespace, name: secret };
      try {
        const { metadata } = await this.#client.get(secretType, ref);
        if (metadata.labels?.[clusterLabel] !== name) continue;
        await this.#client.remove(secretType, ref, { body: { preconditions: { uid: metadata.uid } } });
      } catch (error) {
        if (!(error instanceof HansaError && error.reason === 'NotFound')) throw error;
      }
    }
  }

  async removeOperation(operation: Pick<OperationView, 'namespace' | 'name'>): Promise<void> {
    await this.#remove(kubeOperationAddress, operation);
  }

  /** One after the other for an object, so that what was said first never comes last. */
  #status(type: ResourceType, view: View<unknown, object>, status: object): Promise<void> {
    const before = this.#writing.get(view.uid) ?? Promise.resolve();
    const turn = before.then(async () => {
      const patch = statusPatch(this.statusOf(view), status);
      if (!patch) return;
      await this.#client.patch(type, view, { status: patch }, toStatus);
      this.#written.set(view.uid, status);
    });
    this.#writing.set(
      view.uid,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** Others have finalizers of their own here: the list is written whole, so it must be the one that was just read. */
  async #finalizers(
    { kind, namespace, name, uid }: ClusterView | MachineView,
    change: (finalizers: readonly string[]) => readonly string[],
  ): Promise<void> {
    const type = kind === kubeClusterAddress.kind ? kubeClusterAddress : kubeMachineAddress;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { metadata } = await this.#client.get(type, { namespace, name });
        const before = metadata.finalizers ?? [];
        const after = change(before);
        if (metadata.uid !== uid || after.length === before.length) return;
        const { resourceVersion } = metadata;
        const patch = { metadata: { uid, resourceVersion, finalizers: [...after] } };
        await this.#client.patch(type, { namespace, name }, patch, merge);
        return;
      } catch (error) {
        if (!(error instanceof HansaError)) throw error;
        if (error.reason === 'NotFound') return;
        if (error.reason !== 'Conflict' || attempt === conflictsMost) throw error;
      }
    }
  }

  async #remove(
    type: ResourceType,
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): Promise<void> {
    try {
      await this.#client.remove(type, { namespace, name });
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return;
      throw error;
    }
  }
}

export function backupObjectName(cluster: string, takenAt: number): string {
  return `${cluster}-${timeOf(takenAt).replace(/[-:]/g, '').toLowerCase()}`;
}
