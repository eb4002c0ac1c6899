export type { Capacity, CapacitySide, WorkloadSeen } from './capacity.ts';
export {
  capacityNote,
  readCapacity,
  readWorkload,
  sumCapacity,
  totalOf,
  wholeOf,
  withCapacity,
  withReplicas,
} from './capacity.ts';
export type { Problem } from './find-problem.ts';
export { findProblem } from './find-problem.ts';
export { lostSelector } from './lost-selectors.ts';
export type { RenderedRevision, RenderedWorkload } from './render-revision.ts';
export { renderRevision } from './render-revision.ts';
export type { SteppedKind } from './words.ts';
export {
  capacityAnnotation,
  contentAnnotation,
  labelValueOf,
  plainName,
  steppedKinds,
  versionedName,
} from './words.ts';
