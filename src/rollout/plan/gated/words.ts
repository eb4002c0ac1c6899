/** Words of the Gated mode on pods in members. The gate and the traffic label are in the API's own words. */

/** On pods that came past the webhook: the pod hash that was held back. Pods of the new revision without it started while the webhook was away. */
export const heldAnnotation = 'rollout.hansa.dev/held';
/** On pods that were taken out of their ReplicaSet and serve until others have replaced them: since when, in milliseconds. */
export const leavingLabel = 'rollout.hansa.dev/leaving';
/** Put after the pod hash of such a pod, so that no ReplicaSet selects it. */
export const leavingSuffix = '-leaving';
/** On a ReplicaSet whose pods were refused: the minute in which it was woken to try again. */
export const wokenAnnotation = 'rollout.hansa.dev/woken';

export type GatedKind = 'Deployment' | 'DaemonSet';

/** The label by which pods of one workload are told apart by revision; set by Kubernetes itself. */
export const hashLabels = {
  Deployment: 'pod-template-hash',
  DaemonSet: 'controller-revision-hash',
} as const satisfies Record<GatedKind, string>;

export function isGatedKind(kind: string): kind is GatedKind {
  return kind === 'Deployment' || kind === 'DaemonSet';
}

/**
 * Readiness gate of new pods while traffic is steered by pod labels: such a pod is Ready, for Kubernetes and for
 * Services, only once traffic was given to it. Without it Kubernetes would remove an old pod for each new one that runs
 * and serves nobody.
 */
export const trafficReadinessGate = 'rollout.hansa.dev/traffic';
