/** Words of Cluster API, and those that its users put on their Clusters for us. Never renamed. */

export const clusterApiGroup = 'cluster.x-k8s.io';
/** Those that are read, the best first. v1beta1 is served no more from Cluster API 1.16 on. */
export const clusterApiVersions = ['v1beta2', 'v1beta1'] as const;
export type ClusterApiVersion = (typeof clusterApiVersions)[number];

export const kubeconfigSecretType = 'cluster.x-k8s.io/secret';
export const kubeconfigSecretKey = 'value';
export const pausedAnnotation = 'cluster.x-k8s.io/paused';

/** A label of a Cluster: `"true"` makes it a member, anything else or nothing takes it back. */
export const registerLabel = 'provision.hansa.dev/register';
/** An annotation of a Cluster: labels of the member, as `region=eu,tier=gold`. Labels can't have labels as keys. */
export const registerLabelsAnnotation = 'provision.hansa.dev/register-labels';
/** An annotation of a Cluster: name of the member, where two Clusters have the same. Default: the Cluster's. */
export const memberNameAnnotation = 'provision.hansa.dev/member-name';
