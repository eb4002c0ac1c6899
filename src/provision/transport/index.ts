export { connect } from './connect.ts';
export type { ConnectLimits, ConnectOptions } from './connect-options.ts';
export { defaultLimits } from './connect-options.ts';
export type { Credential } from './credential.ts';
export { secretsOf } from './credential.ts';
export type { TransportFailure } from './failures.ts';
export { hasReason } from './failures.ts';
export { fingerprintOf } from './host-key.ts';
export type { FirstSight, OnFirstSight } from './host-trust.ts';
export type { MachineLock, MachineLockOptions } from './lock-machine.ts';
export { lockMachine } from './lock-machine.ts';
export type { Redactor } from './redact.ts';
export { createRedactor, redact } from './redact.ts';
export type { LongOptions } from './run-long.ts';
export { forgetLong, opsDirectory, runLong } from './run-long.ts';
export type {
  LongCommand,
  LongResult,
  RemoteCommand,
  RemoteFile,
  RemoteResult,
  RemoteUpload,
  Transport,
} from './transport.ts';
