export type { TendingInput, TendingStep } from './decide-tending.ts';
export { decideTending } from './decide-tending.ts';
export { firstStable } from './first-stable.ts';
export { armingOf, disarmingOf, gatedPatches, gatedRefusal, ownerOfStrategy } from './patches.ts';
export type { AdmissionResponse, PodRequest, PodReview, PodVerb } from './review-pod.ts';
export { reviewPod } from './review-pod.ts';
export type { GatedSeen, PodSeen, SetSeen } from './seen.ts';
export { newestVersion, readSeen } from './seen.ts';
export type { Selector } from './selector-text.ts';
export { selectorText } from './selector-text.ts';
export type { GatedState, OrderedShares, Originals, Version } from './state.ts';
export { orderShares, readGatedState, sharesOf, writeGatedState } from './state.ts';
export type { TellInput } from './tell-observed.ts';
export { tellObserved } from './tell-observed.ts';
export type { EntriesInput, WebhookAddress } from './webhook-entries.ts';
export { entryManager, entryNames, webhookConfiguration, webhookEntries } from './webhook-entries.ts';
export type { GatedKind } from './words.ts';
export {
  hashLabels,
  heldAnnotation,
  isGatedKind,
  leavingLabel,
  leavingSuffix,
  trafficReadinessGate,
  wokenAnnotation,
} from './words.ts';
export { workloadRevision } from './workload-revision.ts';
