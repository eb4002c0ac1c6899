/** Words of Shipper that objects carry and other tools read. Never renamed. */

export const shipperGroup = 'shipper.booking.com';
export const shipperVersion = 'v1alpha1';
export const shipperApiVersion = `${shipperGroup}/${shipperVersion}`;

/** A RolloutBlock in this namespace holds for all namespaces. */
export const globalBlockNamespace = 'rollout-blocks-global';

export const shipperLabels = {
  /** Name of the Application; on everything that belongs to it, in members too. */
  app: 'shipper-app',
  /** Name of the Release; on everything that belongs to it, in members too. */
  release: 'shipper-release',
  /** Hash of the environment; on a Release and its targets. */
  releaseHash: 'shipper-release-hash',
  /** Name of the InstallationTarget that an object of a member belongs to. */
  ownedBy: 'shipper-owned-by',
  /** `enabled` or `disabled`, on pods; the production Service selects the enabled ones. */
  trafficStatus: 'shipper-traffic-status',
  /** `production` on the one Service of a chart that is steered. */
  lb: 'shipper-lb',
  /** `true` on an Application: the label `release` is taken out of the Service's selector. */
  helmReleaseWorkaround: 'enable-helm-release-workaround',
  rbacDomain: 'shipper-rbac-domain',
} as const;

export const shipperAnnotations = {
  /** On an Application: the highest generation of a Release seen; a lower one at the head means abort. */
  highestObservedGeneration: 'shipper.booking.com/app.highestObservedGeneration',
  /** On an Application: what the chart's version was last resolved from and to. */
  chartName: 'shipper.booking.com/app.chart.name',
  chartVersionRaw: 'shipper.booking.com/app.chart.version.raw',
  chartVersionResolved: 'shipper.booking.com/app.chart.version.resolved',
  /** On a Release: its place in the Application's history. */
  releaseGeneration: 'shipper.booking.com/release.generation',
  /** On a Release: how often its template had been used before, plus one. */
  releaseTemplateIteration: 'shipper.booking.com/release.template.iteration',
  /** On a Release: the chosen clusters, with commas; present means scheduled. */
  releaseClusters: 'shipper.booking.com/release.clusters',
  /** On Applications and Releases: RolloutBlocks to pass, as `namespace/name` with commas. */
  blockOverride: 'shipper.booking.com/rollout-block.override',
  /** On a cluster's Secret: its serving certificate is not verified. */
  insecureSkipTlsVerify: 'shipper.booking.com/cluster-secret.insecure-tls-skip-verify',
} as const;

/** Conditions of an Application, and their reasons when they are not good. */
export const applicationConditions = {
  ReleaseSynced: 'the newest Release has the environment of spec.template',
  RollingOut: 'a Release is on its way; Unknown without any',
  ValidHistory: 'the Releases can be put in order',
  Aborting: 'the newest Release was deleted, so the template goes back to the one before',
  Blocked: 'a RolloutBlock holds it up',
} as const;
export const applicationReasons = {
  RolloutsBlocked: 'the message names the RolloutBlocks',
  CreateReleaseFailed: 'the Release could not be created',
  ChartVersionResolutionFailed: 'the repository has no version of the chart that fits',
  BrokenReleaseGeneration: 'a Release has no readable generation annotation',
  BrokenApplicationObservedGeneration: 'the annotation with the highest generation cannot be read',
} as const;

/** Conditions of a Release, and their reasons when they are not good. */
export const releaseConditions = {
  Scheduled: 'clusters are chosen and the targets exist',
  StrategyExecuted: 'the strategy could be worked on',
  Complete: 'the last step was achieved once',
  Blocked: 'a RolloutBlock holds it up',
} as const;
export const releaseReasons = {
  RolloutsBlocked: 'the message names the RolloutBlocks',
  NoRegionsSpecified: 'clusterRequirements names no region',
  NotEnoughClustersInRegion: 'a region has fewer schedulable clusters than are asked for',
  NotEnoughCapableClustersInRegion: 'a region has too few clusters with all capabilities',
  DuplicateCapabilityRequirement: 'a capability is listed twice',
  ChartFetchFailure: 'the chart could not be loaded from its repository',
  BrokenChartSpec: 'the chart cannot be read or rendered',
  WrongChartDeployments: 'the chart has not exactly one Deployment',
  RolloutBlock: 'a RolloutBlock holds it up',
  ChartRepoInternal: 'the chart repository gave an answer that is no index or no chart',
  NoCachedChartRepoIndex: 'the index of the chart repository was never loaded',
  ChartVersionResolutionFailed: 'the repository has no version of the chart that fits',
  FailedAPICall: 'the API server refused a call',
  StrategyExecutionFailed: 'targetStep is no step of the strategy, or a step failed',
} as const;

/** Conditions of the strategy of a Release. */
export const strategyConditions = {
  ContenderAchievedInstallation: "the new release's objects exist in all clusters",
  ContenderAchievedCapacity: "the new release has the step's pods, ready",
  ContenderAchievedTraffic: "the new release has the step's traffic",
  IncumbentAchievedTraffic: "the old release has the step's traffic",
  IncumbentAchievedCapacity: "the old release has the step's pods, ready",
} as const;
export const strategyReasons = {
  ClustersNotReady: 'the message names the clusters',
} as const;

/** Conditions of targets, for each cluster and for all together. */
export const targetConditions = {
  Operational: 'the cluster can be asked and answers sensibly',
  Ready: 'what spec says is so in the cluster',
} as const;
export const targetReasons = {
  ClustersNotReady: 'the message names the clusters',
  ChartError: 'the chart breaks a rule; the message says which',
  InternalError: 'a call to the cluster failed',
  TargetClusterClientError: 'no client can be made for the cluster',
  InProgress: 'it was ordered and is not there yet',
  PodsNotReady: 'pods are there and not ready',
  DeploymentStuck: 'the Deployment reports that it makes no progress',
  PodsNotInEndpoints: 'pods have the label for traffic and are not among the endpoints',
  UnknownError: 'the message has what is known',
} as const;

export type ApplicationConditionType = keyof typeof applicationConditions;
export type ReleaseConditionType = keyof typeof releaseConditions;
export type StrategyConditionType = keyof typeof strategyConditions;
export type TargetConditionType = keyof typeof targetConditions;
