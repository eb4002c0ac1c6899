import { kubeFedCluster } from './core.kubefed.io/v1beta1/kubefed-cluster.ts';
import { federatedKinds } from './federated-kinds.ts';
import { legacyReplicaSchedulingPreference } from './scheduling.federation.k8s.io/v1alpha1/replica-scheduling-preference.ts';
import { replicaSchedulingPreference } from './scheduling.kubefed.io/v1alpha1/replica-scheduling-preference.ts';
import type { ServedKind } from './served-kind.ts';
import { legacyFederatedKind } from './types.federation.k8s.io/v1alpha1/federated.ts';
import { federatedKind } from './types.kubefed.io/v1beta1/federated.ts';

/** Every kind that Hansa adds to the host: one CRD, one reference page and one editor schema each. */
export const servedKinds: readonly ServedKind[] = [
  kubeFedCluster,
  ...federatedKinds.map(federatedKind),
  replicaSchedulingPreference,
  ...federatedKinds.map(legacyFederatedKind),
  legacyReplicaSchedulingPreference,
];
