export type {
  ChartRendererDeps,
  Modes,
  ModeTools,
  RenderHelm,
  RolloutControllerOptions,
  RolloutMetrics,
} from './controller/index.ts';
export { createChartRenderer, noRolloutMetrics, RolloutController } from './controller/index.ts';
export type { GatedModeDeps } from './gated/index.ts';
export { createGatedMode } from './gated/index.ts';
export type { GateProbesOptions } from './gates/index.ts';
export { createGateProbes } from './gates/index.ts';
export type { InPlaceModeDeps } from './in-place/index.ts';
export { createInPlaceMode } from './in-place/index.ts';
export type { Notifier, NotifierOptions } from './notify/index.ts';
export { createNotifier } from './notify/index.ts';
export type { PodRequest, PodReview, PodVerb, WebhookAddress } from './plan/gated/index.ts';
export { gatedPatches, gatedRefusal, reviewPod, workloadRevision } from './plan/gated/index.ts';
export type { ShipperDoor, ShipperDoorOptions, ShipperMetrics } from './shipper/index.ts';
export { createShipperDoor } from './shipper/index.ts';
export type { SideBySideModeDeps } from './side-by-side/index.ts';
export { createSideBySideMode } from './side-by-side/index.ts';
export { createRouter } from './traffic/index.ts';
