import { kubeFedCluster } from './core.kubefed.io/v1beta1/kubefed-cluster.ts';
import { federatedKinds } from './federated-kinds.ts';
import { etcdBackup } from './provision.hansa.dev/v1alpha1/etcd-backup.ts';
import { kubeCluster } from './provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachine } from './provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperation } from './provision.hansa.dev/v1alpha1/kube-operation.ts';
import { rollout } from './rollout.hansa.dev/v1alpha1/rollout.ts';
import { rolloutPolicy } from './rollout.hansa.dev/v1alpha1/rollout-policy.ts';
import { rolloutRevision } from './rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import { legacyReplicaSchedulingPreference } from './scheduling.federation.k8s.io/v1alpha1/replica-scheduling-preference.ts';
import { replicaSchedulingPreference } from './scheduling.kubefed.io/v1alpha1/replica-scheduling-preference.ts';
import type { ServedKind } from './served-kind.ts';
import { application } from './shipper.booking.com/v1alpha1/application.ts';
import { capacityTarget } from './shipper.booking.com/v1alpha1/capacity-target.ts';
import { cluster as shipperCluster } from './shipper.booking.com/v1alpha1/cluster.ts';
import { installationTarget } from './shipper.booking.com/v1alpha1/installation-target.ts';
import { release } from './shipper.booking.com/v1alpha1/release.ts';
import { rolloutBlock } from './shipper.booking.com/v1alpha1/rollout-block.ts';
import { trafficTarget } from './shipper.booking.com/v1alpha1/traffic-target.ts';
import { legacyFederatedKind } from './types.federation.k8s.io/v1alpha1/federated.ts';
import { federatedKind } from './types.kubefed.io/v1beta1/federated.ts';

/** Kinds of provisioning: read from files by the CLI, and kept on a host that clusters are moved to. */
export const provisionKinds: readonly ServedKind[] = [kubeCluster, kubeMachine, kubeOperation, etcdBackup];

/** Every kind that Hansa adds to the host: one CRD, one reference page and one editor schema each. */
export const servedKinds: readonly ServedKind[] = [
  kubeFedCluster,
  ...federatedKinds.map(federatedKind),
  replicaSchedulingPreference,
  ...federatedKinds.map(legacyFederatedKind),
  legacyReplicaSchedulingPreference,
  rollout,
  rolloutPolicy,
  rolloutRevision,
  application,
  release,
  installationTarget,
  capacityTarget,
  trafficTarget,
  shipperCluster,
  rolloutBlock,
  ...provisionKinds,
];
