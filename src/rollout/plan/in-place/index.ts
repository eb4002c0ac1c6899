export type { Health } from './health.ts';
export { healthOf } from './health.ts';
export { numbersInPlace } from './numbers.ts';
export { orderObjects } from './order-objects.ts';
export { identityOf, isOwn, ownObject, revisionOn, rolloutLabelValue } from './own-object.ts';
export {
  isStepped,
  partitionFor,
  replicasOf,
  shareAnnotation,
  shareOrdered,
  withShare,
} from './partition.ts';
export type { TellInput } from './tell-observed.ts';
export { tellInPlace } from './tell-observed.ts';
