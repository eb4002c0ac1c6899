import { messageOf } from '../../base/index.ts';
import type { Credential } from './credential.ts';
import type { HostTrust } from './host-trust.ts';
import type { RemoteProcess } from './wire.ts';

/** A machine to be logged in to: ours, or the bastion before it. */
export interface Hop {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly credential: Credential;
  readonly trust: HostTrust;
  readonly agentSocket: string | undefined;
}

/** The way to a machine. */
export interface Route {
  readonly machine: Hop;
  readonly bastion: Hop | undefined;
}

/** A connection that was let in; once lost it stays lost. */
export interface Connection {
  readonly isOpen: boolean;
  /** Resolves when it is lost or closed. */
  readonly lost: Promise<void>;
  /** Why, once it is. */
  readonly lostBy: unknown;
  /** @throws ChannelNotOpened where the line was not sent */
  start(line: string, signal?: AbortSignal): Promise<RemoteProcess>;
  close(): Promise<void>;
}

/** The channel could not be opened; the command was not sent. */
export class ChannelNotOpened extends Error {
  readonly connectionIsLost: boolean;

  constructor(connectionIsLost: boolean, cause: unknown) {
    super(`no channel: ${messageOf(cause)}`, { cause });
    this.connectionIsLost = connectionIsLost;
  }
}
