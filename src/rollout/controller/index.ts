export type { ChartRendererDeps } from './chart-renderer.ts';
export { createChartRenderer } from './chart-renderer.ts';
export { RolloutController } from './controller.ts';
export type { RolloutMetrics } from './metrics.ts';
export { noRolloutMetrics } from './metrics.ts';
export type { Modes, ModeTools, RenderHelm, RolloutControllerOptions, Tell } from './options.ts';
