/** Words that objects carry and that others read: labels, annotations, states, reasons. Never renamed. */

/** Set to "true" on every object that Hansa keeps in a member; "false" in the member means "hands off". */
export const managedLabel = 'kubefed.io/managed';
export const syncFinalizer = 'kubefed.io/sync-controller';
/** "true" on a federated object: its deletion leaves the members' objects in place. */
export const orphanAnnotation = 'kubefed.io/orphan';
/** JSON of DeleteOptions that Hansa passes on when it deletes from members. */
export const deleteOptionAnnotation = 'kubefed.io/deleteoption';
/** On a KubeFedCluster: a second name, accepted wherever a cluster is named. Capitals are allowed. */
export const aliasAnnotation = 'hansa.dev/alias';
/** On a federated object: what a ReplicaSchedulingPreference changed in its spec, so that it can be taken back. */
export const scheduledAnnotation = 'hansa.dev/scheduled';
/** What versions before KubeFed's rename left on objects; it goes with ours. */
export const legacySyncFinalizer = 'federation.k8s.io/sync-controller';
/** On the output of `hansa render` only: the cluster that a document is for. */
export const renderedForAnnotation = 'hansa.dev/cluster';

export const defaultHostNamespace = 'kube-federation-system';
/** A FederatedNamespace with one of these names (or the host namespace's) is ignored, as KubeFed did. */
export const neverFederatedNamespaces = ['default', 'kube-system', 'kube-public'] as const;

/** What may stand in `status.clusters[].status`; absent means that the member holds what it should. */
export const memberStates = {
  Waiting: 'the first write to this cluster is under way',
  WaitingForRemoval: 'the object is being deleted in this cluster',
  ClusterNotReady: 'the cluster is not ready; what it owes is done when it returns',
  CachedRetrievalFailed: 'the object could not be read from the cache',
  ComputeResourceFailed: 'the desired object could not be made from the template',
  ApplyOverridesFailed: 'an override of this cluster does not fit; the message names the path',
  CreationFailed: 'the cluster refused to create the object',
  UpdateFailed: 'the cluster refused to update the object',
  DeletionFailed: 'the cluster refused to delete the object',
  LabelRemovalFailed: 'the label kubefed.io/managed could not be removed',
  RetrievalFailed: 'the object could not be read from the cluster',
  AlreadyExists: 'an object of this name exists that Hansa may not adopt',
  FieldRetentionFailed: 'fields that the cluster owns could not be kept',
  VersionRetrievalFailed: 'the recorded version could not be read',
  ClientRetrievalFailed: 'no client could be made for the cluster; see its KubeFedCluster',
  ManagedLabelFalse: 'the object carries kubefed.io/managed: "false" there, so it is left alone',
  CreationTimedOut: 'the cluster did not answer the creation in time; it is tried again',
  UpdateTimedOut: 'the cluster did not answer the update in time; it is tried again',
  DeletionTimedOut: 'the cluster did not answer the deletion in time; it is tried again',
  LabelRemovalTimedOut: 'the cluster did not answer the removal of the label in time; it is tried again',
  // From here on Hansa's own; KubeFed says nothing in these cases.
  KindNotServed: 'the cluster does not serve this kind',
  NamespaceMissing: 'the namespace does not exist in the cluster yet',
  ExcludedByFederatedNamespace: 'placement selects the cluster, the FederatedNamespace does not',
  UnknownCluster: 'placement names a cluster that has not joined',
  AmbiguousAlias: 'placement uses an alias that several clusters carry',
  WaitingForRollout: 'a rollout decides what the cluster gets, and has not come to it yet',
  RevisionNotFound: 'a rollout pins the cluster to a revision that is not kept any more',
} as const;
export type MemberState = keyof typeof memberStates;

export const propagationCondition = 'Propagation';

/** Why the condition Propagation of a federated object is not True. */
export const propagationReasons = {
  CheckClusters: 'at least one cluster is not in sync; see status.clusters',
  ClusterRetrievalFailed: 'the joined clusters could not be read',
  ComputePlacementFailed: 'the placement is wrong; the message names the field',
  NamespaceNotFederated: 'there is no FederatedNamespace in the namespace of this object',
  // Hansa's own.
  InvalidSpec: 'the object breaks its schema; the message names the field',
  InvalidName: 'a FederatedNamespace must have the name of the namespace it is in',
  DeletionBlocked: 'the object is being deleted and a cluster still holds it',
  WaitingForRollout: 'a rollout decides which cluster gets what, and has not spoken yet',
} as const;
export type PropagationReason = keyof typeof propagationReasons;

export const scheduledCondition = 'Scheduled';

/** Why the condition Scheduled of a ReplicaSchedulingPreference has its status. */
export const scheduledReasons = {
  AllPlaced: 'every replica has a cluster',
  NotAllPlaced: 'some replicas fit in no cluster; see status.unplaced',
  TargetNotFound: 'there is no object of targetKind with this name in this namespace',
  TargetKindNotServed: 'targetKind is not a kind that Hansa propagates and that has replicas',
  NoReadyCluster: 'no joined cluster is ready',
  InvalidSpec: 'the object breaks its schema; the message names the field',
} as const;
export type ScheduledReason = keyof typeof scheduledReasons;

/** Condition types of a KubeFedCluster and their reasons. */
export const clusterConditions = {
  Ready: 'the API server answers and is ready',
  Offline: 'the API server does not answer',
  ConfigMalformed: 'no client can be made from endpoint, CA, Secret or proxy; the message names the field',
} as const;
export type ClusterConditionType = keyof typeof clusterConditions;
