/** Keeps a Release until what it serves is served by another, and its objects are gone from the members. */
export const releaseFinalizer = 'rollout.hansa.dev/shipper-release';

/** On a Release that is being deleted: `true` takes it away at once, whether or not another can take over. */
export const removeNowAnnotation = 'rollout.hansa.dev/remove-now';

/** On the ConfigMap `<release>-anchor` of a member: it lists what a Release has there. */
export const anchorLabel = 'rollout.hansa.dev/anchor';

/** On a member's KubeFedCluster: `capability.hansa.dev/gpu: "true"` says that it is capable of `gpu`. */
export const capabilityLabelPrefix = 'capability.hansa.dev/';
/** On a member's KubeFedCluster, the first that is there: its region. */
export const regionLabels = ['region', 'topology.kubernetes.io/region'] as const;

/** On Secrets that open chart repositories: those of the Application's namespace, then those of Hansa's. */
export const repositorySecretLabel = 'rollout.hansa.dev/chart-repository';

/** On namespaces that were made for a Release, so that people know where they come from. */
export const madeForLabel = 'rollout.hansa.dev/made-for';

/** On a Deployment whose scaling down was cut short: until when its status is not believed. */
export const settleAnnotation = 'rollout.hansa.dev/settles-at';

/** Field manager of what is written to members. */
export const memberFieldManager = 'hansa-rollout';

/** Condition of a Release beside Shipper's own: Complete stays True when someone goes back, this one tells of it. */
export const steppedBackCondition = 'SteppedBack';

export function anchorName(release: string): string {
  return `${release}-anchor`;
}
