import type { Readable, Writable } from 'node:stream';

/** A way to start commands on one machine. What a transport does beyond that is the same for all wires. */
export interface Wire {
  /** `user@host:port`, for messages. */
  readonly address: string;
  /** As the machine showed them; empty where there is none. */
  readonly hostKeys: readonly string[];
  /**
   * Starts a line for the login shell, connecting again first where the connection was lost.
   * @throws HansaError ConnectionLost if the line was sent and it isn't known whether it started; with any other reason it
   *   surely did not.
   */
  start(line: string, signal?: AbortSignal): Promise<RemoteProcess>;
  close(): Promise<void>;
}

export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** After all of its output was read. Rejects with ConnectionLost where the end isn't known. */
  readonly ended: Promise<RemoteEnd>;
  /** Lets go of it, and ends it where the wire can. */
  kill(): void;
}

export interface RemoteEnd {
  readonly code: number;
  readonly signal: string | undefined;
}

/** What a shell reports for a process that a signal ended. */
export const codeOfSignalled = 137;
