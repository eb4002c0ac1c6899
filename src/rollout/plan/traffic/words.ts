/** On a Service or HTTPRoute that is steered: the shares last ordered, JSON by label selector of the pods. */
export const sharesAnnotation = 'rollout.hansa.dev/shares';

/** Kubernetes' own: on scale-down, pods with a lower cost go first. */
export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
/** What pods with traffic cost; those without stay at Kubernetes' zero. */
export const servingCost = '1000';
