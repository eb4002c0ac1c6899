export type { ReportedPod } from './container-states.ts';
export { conditionsOfPods } from './container-states.ts';
export type {
  CapacityReport,
  ConditionBreakdown,
  ConditionSeen,
  ContainerStateSeen,
} from './capacity-report.ts';
export { reportCapacity } from './capacity-report.ts';
export type { ChartVersion } from './chart-version.ts';
export { compareChartVersions, readChartVersion } from './chart-version.ts';
export type {
  CapacityShare,
  Readiness,
  ReleaseTargets,
  StageCheck,
  TargetPatch,
  TrafficWeight,
} from './check-stage.ts';
export { checkStage, numbersOf } from './check-stage.ts';
export type { ClusterCandidate, ClusterChoice, ClusterRequirements } from './choose-clusters.ts';
export { chooseClusters } from './choose-clusters.ts';
export type { NumbersInEffect } from './direction.ts';
export { isRetreat, isSteppingBackwards } from './direction.ts';
export { environmentJson } from './environment-json.ts';
export type { StrategyInput, StrategyOutcome } from './execute-strategy.ts';
export { executeStrategy } from './execute-strategy.ts';
export { goJson } from './go-json.ts';
export { historyLimit, releasesToDelete } from './history.ts';
export type { CapacityVerdict, DeploymentSeen } from './judge-capacity.ts';
export { judgeCapacity } from './judge-capacity.ts';
export type { WeighedCluster } from './preference-list.ts';
export { clusterHash, preferenceList, scoreOf } from './preference-list.ts';
export type { ChartService, ProductionService } from './production-service.ts';
export { productionService } from './production-service.ts';
export { hashEnvironment, hashEnvironmentJson, nextIteration, releaseName } from './release-name.ts';
export type { OrderedRelease, ReadGeneration } from './release-order.ts';
export { byGeneration, contenderOf, incumbentOf, readGeneration, siblingsOf } from './release-order.ts';
export { achievedPercent, replicasForPercent } from './replicas.ts';
export type { ResolvedVersion } from './resolve-chart-version.ts';
export { resolveChartVersion } from './resolve-chart-version.ts';
export type { BlockVerdict, ObjectNames } from './rollout-blocks.ts';
export {
  formatObjectNames,
  judgeBlocks,
  mergeOverrides,
  namesWithout,
  readObjectNames,
  uniqueNames,
} from './rollout-blocks.ts';
export type { ContainerSeen, PodSeen } from './sad-pods.ts';
export { findSadPods, sadPodLimit, summarizeSadPods } from './sad-pods.ts';
export type { ShipperCondition } from './set-condition.ts';
export { setCondition } from './set-condition.ts';
export type { ReleaseWeight, TrafficPod, TrafficShift } from './shift-traffic.ts';
export { shiftTraffic } from './shift-traffic.ts';
export type { Failure } from './should-retry.ts';
export { shouldRetry } from './should-retry.ts';
export type { Stage, StageInput } from './stages.ts';
export { stagesOf } from './stages.ts';
export type { ConditionStatus, StrategyCondition } from './strategy-conditions.ts';
export {
  conditionOfStage,
  isStrategyConditionType,
  setStrategyCondition,
  withoutIncumbent,
} from './strategy-conditions.ts';
export type { StrategyOfRelease, StrategyProblem } from './strategy-problem.ts';
export { strategyProblem } from './strategy-problem.ts';
export type { StateInput, StrategyState } from './strategy-state.ts';
export { strategyState } from './strategy-state.ts';
export type { TrafficShare } from './target-pods.ts';
export { exactTargetPods, floatTargetPods } from './target-pods.ts';
export type { VersionConstraint } from './version-constraint.ts';
export { readVersionConstraint } from './version-constraint.ts';
export { xxhash64 } from './xxhash64.ts';
