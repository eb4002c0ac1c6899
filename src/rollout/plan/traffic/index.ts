export type { PodChoice, TrafficPod } from './choose-pods.ts';
export { choosePods, countServing } from './choose-pods.ts';
export type { ServiceChoice, ServiceQuestion } from './choose-service.ts';
export { chooseService, selectorOf, selects } from './choose-service.ts';
export type { Pair, TrafficInput } from './divide-traffic.ts';
export { divideTraffic } from './divide-traffic.ts';
export type { OtherPod, PodGroups, PodsSeen } from './read-pods.ts';
export { readPods, readyEndpoints } from './read-pods.ts';
export type { RouteVerdict } from './route-verdict.ts';
export { judgeRoute } from './route-verdict.ts';
export type { Labels } from './selector.ts';
export { equalityOf, fitsSelector, impliedLabels, textOf } from './selector.ts';
export { countRulesTo, steerRules } from './steer-rules.ts';
export type { Steering } from './steering.ts';
export {
  keepSteering,
  noSteeringAnnotations,
  readSteering,
  sharesOf,
  steeringAnnotations,
} from './steering.ts';
export { deletionCostAnnotation, servingCost, sharesAnnotation } from './words.ts';
