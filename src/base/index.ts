export type { Cidr, IpAddress } from './cidr.ts';
export {
  addressAt,
  formatAddress,
  formatNetwork,
  hostWithPort,
  networkHas,
  networksOverlap,
  parseAddress,
  parseCidr,
} from './cidr.ts';
export type { Clock, Rng } from './clock.ts';
export { contains } from './contains.ts';
export type { HansaErrorOptions, RetryLaw } from './errors.ts';
export { HansaError, messageOf } from './errors.ts';
export { fnv1, fnv1a } from './fnv.ts';
export type { Json, JsonObject } from './json.ts';
export { isJsonObject } from './json.ts';
export type { PatchFailureCode, PatchOperation, PatchResult } from './json-patch.ts';
export { applyJsonPatch } from './json-patch.ts';
export type { LogFields, Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { Progress, ProgressStep } from './progress.ts';
export { silentProgress } from './progress.ts';
export type { ParsedQuantity } from './quantity.ts';
export { formatBytes, formatCpu, parseQuantity } from './quantity.ts';
export { hashOf, stableJson } from './stable-json.ts';
