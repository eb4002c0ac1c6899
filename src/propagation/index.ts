export type { EngineOptions, Tell } from './engine.ts';
export { memberDeadlineMs, Propagation } from './engine.ts';
export { fieldManager } from './member-record.ts';
export type { OverrideFailure } from './plan/overrides.ts';
export { renderFor } from './plan/render.ts';
export { ReplicaScheduling } from './replicas/controller.ts';
