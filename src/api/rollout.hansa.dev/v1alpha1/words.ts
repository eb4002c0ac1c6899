/** Words that rollout objects carry and that others read. Never renamed. */

/** On a federated object: which revision each cluster holds, while a rollout decides that. JSON of `Pins`. */
export const pinsAnnotation = 'rollout.hansa.dev/pins';
/** On member objects and pods: the Rollout they belong to, as its name. */
export const rolloutLabel = 'rollout.hansa.dev/rollout';
/** On member objects and pods of a SideBySide rollout: their revision. */
export const revisionLabel = 'rollout.hansa.dev/revision';
/** On pods: "enabled" while they get traffic; the Service selects by it while a rollout steers traffic. */
export const trafficLabel = 'rollout.hansa.dev/traffic';
/** The scheduling gate behind which pods of a new revision wait. */
export const schedulingGate = 'rollout.hansa.dev/step';
/** On a member's workload or Service: what a rollout changed there, so that it can be put back. */
export const originalAnnotation = 'rollout.hansa.dev/original';
/** On a Rollout: why a person took a revision back, as `<revision>: <words> (<who>)`. `hansa rollout abort` writes it. */
export const abortReasonAnnotation = 'rollout.hansa.dev/abort-reason';
/** Finalizer of a Rollout: members are put back as they were before it goes. */
export const rolloutFinalizer = 'rollout.hansa.dev/put-back';
/** Field manager of the rollout room in members. */
export const rolloutFieldManager = 'hansa-rollout';

export const rolloutConditions = {
  Progressing: 'clusters are on their way to the newest revision',
  Completed: 'every cluster has the newest revision',
  Healthy: 'nothing failed, and no gate is bad',
  Valid: 'the spec can be carried out',
} as const;
export type RolloutConditionType = keyof typeof rolloutConditions;

export const rolloutReasons = {
  Installing: 'the new revision is being put in place',
  WaitingForCapacity: 'pods are not ready yet',
  WaitingForTraffic: 'traffic is not where it should be yet',
  WaitingForGate: 'a gate has not passed yet',
  WaitingForApproval: 'a person must say that it may go on',
  WaitingForPause: 'the pause of the step is not over',
  Soaking: 'the wave must stay good for a while',
  Paused: 'a person paused it',
  Blocked: 'a RolloutBlock is in the way',
  GateFailed: 'a gate said no',
  GateInconclusive: 'a gate said nothing too often',
  DeadlineExceeded: 'a cluster made no progress in time',
  ClusterUnreachable: 'a cluster does not answer',
  ClusterFailed: 'a cluster refused something',
  Aborted: 'it was taken back',
  Reverting: 'it is being taken back',
  AllDone: 'every cluster has it',
  NothingToDo: 'there is no new revision',
  SourceNotFound: 'what is to be rolled out does not exist',
  RenderingFailed: 'the source could not be rendered',
  InvalidSpec: 'the spec cannot be carried out; the message names the field',
  NoClusters: 'no cluster is selected',
} as const;
export type RolloutReason = keyof typeof rolloutReasons;
