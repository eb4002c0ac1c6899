import type { KubeObject } from '../../../kube/index.ts';

/** What others need comes first. Kinds not named come between configuration and workloads: custom resources mostly. */
const early = [
  'Namespace',
  'CustomResourceDefinition',
  'PriorityClass',
  'StorageClass',
  'ResourceQuota',
  'LimitRange',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'ConfigMap',
  'Secret',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Service',
];
const late = [
  'DaemonSet',
  'ReplicaSet',
  'Deployment',
  'StatefulSet',
  'Job',
  'CronJob',
  'HorizontalPodAutoscaler',
  'Ingress',
  // These may refuse what comes after them while their own pods are not there.
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
];

/** The objects in the order in which they are put in place; the given order decides among those of a kind. */
export function orderObjects(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.toSorted((a, b) => rankOf(a.kind) - rankOf(b.kind));
}

function rankOf(kind: string): number {
  const first = early.indexOf(kind);
  if (first >= 0) return first;
  const last = late.indexOf(kind);
  return last >= 0 ? early.length + 1 + last : early.length;
}
