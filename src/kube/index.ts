export type { Access, KubeConfigSource, LoadedKubeConfig } from './access.ts';
export { loadAccess } from './access.ts';
export type { Cached, CacheKey, CacheListener, CacheOptions, CacheState } from './cache.ts';
export { Cache, keyOf, refOf } from './cache.ts';
export type { ClientOptions } from './client.ts';
export { createApiClient, watchIdleLimitMs } from './client.ts';
export type { ControllerOptions, Outcome, Reconcile } from './controller.ts';
export { runController } from './controller.ts';
export type { AddOptions, QueueOptions } from './keyed-queue.ts';
export { KeyedQueue } from './keyed-queue.ts';
export type { KubeMetrics } from './metrics.ts';
export { noMetrics } from './metrics.ts';
export { apiVersionOf, resourcePath } from './resource-path.ts';
export type {
  ApiClient,
  ApplyOptions,
  CallOptions,
  KubeObject,
  ListOptions,
  ListPage,
  ManagedFieldsEntry,
  ObjectMeta,
  ObjectRef,
  PatchOptions,
  RemoveOptions,
  ResourceType,
  WatchEvent,
  WatchOptions,
} from './types.ts';
export type { SimulatedClock } from './simulated-clock.ts';
export { createSimulatedClock } from './simulated-clock.ts';
export { namespaceType, secretType } from './core-types.ts';
export { systemClock } from './system-clock.ts';
export type { EventRecorder } from './events.ts';
export { createEventRecorder } from './events.ts';
export type { Leadership } from './lease.ts';
export { elect } from './lease.ts';
export type { Condition, ConditionSaid } from './conditions.ts';
export { setConditions } from './conditions.ts';
