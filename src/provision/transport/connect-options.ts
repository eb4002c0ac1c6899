import type { Clock, Logger, Rng } from '../../base/index.ts';
import type { Credential } from './credential.ts';
import type { OnFirstSight } from './host-trust.ts';
import type { Redactor } from './redact.ts';

export interface ConnectOptions {
  /** Ends connecting, not what was connected. */
  readonly signal?: AbortSignal;
  /** Files in the format of ~/.ssh/known_hosts, asked after the pinned keys. Missing ones are empty. */
  readonly knownHostsFiles?: readonly string[];
  /** Stores the key of a host nobody knows. Without it such a host is refused. */
  readonly onFirstSight?: OnFirstSight;
  /** Where the bastion has another than the machine. */
  readonly bastionCredential?: Credential;
  /** Default: one of the credentials' secrets. A given one learns them. */
  readonly redactor?: Redactor;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly limits?: Partial<ConnectLimits>;
  /** Default: that of SSH_AUTH_SOCK. */
  readonly agentSocket?: string;
}

export interface ConnectLimits {
  readonly connectTimeoutMs: number;
  /** Tries to connect in a row; only connecting is tried again. */
  readonly connectAttempts: number;
  readonly retryDelayMs: number;
  /** From asking for a command to its being taken; the command's own deadline begins there. */
  readonly startTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  /** Unanswered ones until the connection counts as lost. */
  readonly keepaliveCount: number;
  /** What a server that refuses our only channel may take to notice that the one before is closed. */
  readonly refusedTimeoutMs: number;
  /** At once in one connection; sshd's own default limit (MaxSessions) is 10. */
  readonly maxChannels: number;
}

export const defaultLimits: ConnectLimits = {
  connectTimeoutMs: 20_000,
  connectAttempts: 5,
  retryDelayMs: 1000,
  startTimeoutMs: 30_000,
  keepaliveIntervalMs: 15_000,
  keepaliveCount: 4,
  refusedTimeoutMs: 10_000,
  maxChannels: 8,
};
