import type { RolloutRevisionSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { KubeObject } from '../../kube/index.ts';

/** A Rollout as the host has it; its CRD has checked it. */
export interface RolloutObject extends KubeObject {
  readonly spec: RolloutSpec;
  readonly status?: RolloutStatus;
}

export interface RevisionObject extends KubeObject {
  readonly spec: RolloutRevisionSpec;
}

/** Whether the status tells of the object as it is now, the last word of a person included. */
export function isUpToDate({ metadata, status }: RolloutObject): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}
