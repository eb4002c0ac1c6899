import { revisionOf } from '../../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import type { KubeObject } from '../../../kube/index.ts';

/** The revision of a workload that others edit in a member: eight hex digits that stand for its pod template. */
export function workloadRevision(workload: KubeObject): string {
  const { template } = (workload['spec'] ?? {}) as { readonly template?: unknown };
  return revisionOf(template);
}
