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
  type KubeMachineSpec,
  type KubeMachineStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import {
  kubeOperationAddress,
  type KubeOperationSpec,
  type KubeOperationStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { automaticLabel, provisionFinalizer } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import type { Cached, KubeObject } from '../../kube/index.ts';
import { keyOf } from '../../kube/index.ts';

/** An object as a cache keeps it: the fields that say what is asked for, and the status we wrote. */
export interface View<Spec, Status> extends Cached {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  /** RFC 3339; undefined: it is not being deleted. */
  readonly deletedAt: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly finalizers: readonly string[];
  readonly spec: Spec;
  readonly status: Status | undefined;
}

export type ClusterView = View<KubeClusterSpec, KubeClusterStatus>;
export type MachineView = View<KubeMachineSpec, KubeMachineStatus>;
export type BackupView = View<EtcdBackupSpec, EtcdBackupStatus>;
export interface OperationView extends View<KubeOperationSpec, Omit<KubeOperationStatus, 'journal'>> {
  /** Hansa made it for a run of its own. */
  readonly isAutomatic: boolean;
}

export const viewCluster = (object: KubeObject): ClusterView => viewOf(object, kubeClusterAddress.kind);
export const viewMachine = (object: KubeObject): MachineView => viewOf(object, kubeMachineAddress.kind);
export const viewBackup = (object: KubeObject): BackupView => viewOf(object, etcdBackupAddress.kind);

/** Without its journal: that is read where it is needed, and can be long. */
export function viewOperation(object: KubeObject): OperationView {
  const view = viewOf<KubeOperationSpec, KubeOperationStatus>(object, kubeOperationAddress.kind);
  const { journal: _, ...status } = view.status ?? {};
  return {
    ...view,
    status: view.status && status,
    isAutomatic: object.metadata.labels?.[automaticLabel] === 'true',
  };
}

/** Key of the cluster that a machine, an operation or a backup belongs to. */
export function clusterKeyOf({
  namespace,
  spec,
}: Pick<View<{ readonly clusterName: string }, unknown>, 'namespace' | 'spec'>): string {
  return keyOf({ namespace, name: spec.clusterName });
}

export function hasFinalizer({ finalizers }: Pick<View<unknown, unknown>, 'finalizers'>): boolean {
  return finalizers.includes(provisionFinalizer);
}

/** As a reader of files wants it: what was asked for, and whether it is on its way out. */
export function asGiven({
  apiVersion,
  kind,
  namespace,
  name,
  annotations,
  deletedAt,
  spec,
}: View<unknown, unknown>): Readonly<Record<string, unknown>> {
  return {
    apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(deletedAt !== undefined && { deletionTimestamp: deletedAt }),
    },
    spec,
  };
}

function viewOf<Spec, Status>(object: KubeObject, kind: string): View<Spec, Status> {
  const { metadata } = object;
  return {
    apiVersion: object.apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    generation: metadata.generation ?? 0,
    createdAt: metadata.creationTimestamp ?? '',
    deletedAt: metadata.deletionTimestamp,
    annotations: metadata.annotations ?? {},
    finalizers: metadata.finalizers ?? [],
    spec: object['spec'] as Spec,
    status: object['status'] as Status | undefined,
  };
}
