export type { LoggerOptions } from './logger.ts';
export { createLogger } from './logger.ts';
export type { Metrics, MetricsOptions } from './metrics.ts';
export { createMetrics } from './metrics.ts';
export { createProvisionMetrics } from './provision-metrics.ts';
export { createRolloutMetrics } from './rollout-metrics.ts';
export { createShipperMetrics } from './shipper-metrics.ts';
