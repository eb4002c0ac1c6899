import type { Readable } from 'node:stream';

/**
 * A command on a machine. Scripts and arguments show up in process lists and audit logs there: secrets go through
 * `stdin` only.
 */
export interface RemoteCommand {
  /** For `sh -eu`, with `args` as $1, $2, … */
  readonly script: string;
  readonly args?: readonly string[];
  /** Through sudo where the user isn't root. Default false. */
  readonly root?: boolean;
  readonly stdin?: string | Buffer;
  /** Default 60 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Lines of stdout and stderr as they come, secrets masked. */
  readonly onLine?: (line: string) => void;
  /** Kept of stdout at most; the rest is an error. Default 16 MiB. */
  readonly maxBytes?: number;
}

export interface RemoteResult {
  readonly code: number;
  readonly signal: string | undefined;
  readonly stdout: string;
  /** Secrets masked; for messages. */
  readonly stderr: string;
}

export interface RemoteFile {
  readonly path: string;
  readonly content: string | Buffer;
  /** Such as 0o600. */
  readonly mode: number;
  /** `user:group`; default root's. */
  readonly owner?: string;
}

export interface RemoteUpload {
  readonly path: string;
  readonly content: () => Readable;
  readonly sizeBytes: number;
  /** Hex; what arrives must have it. */
  readonly sha256: string;
  readonly mode: number;
  readonly onProgress?: (sentBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** One machine at the end of a wire. Each method may throw HansaError: Unreachable, HostKeyChanged, HostKeyUnknown, AuthenticationFailed, SudoFailed, DeadlineExceeded, ConnectionLost. */
export interface Transport extends AsyncDisposable {
  /** `user@host:port`, for messages. */
  readonly address: string;
  /** Host keys as the machine shows them, `ssh-ed25519 AAAA…`; empty for a local one. */
  readonly hostKeys: readonly string[];
  /** Resolves with whatever exit code; throws only when that isn't known. */
  exec(command: RemoteCommand): Promise<RemoteResult>;
  /** As root, whole or not at all (temporary file, fsync, rename); not written if it is there with this content, mode and owner. */
  writeFile(file: RemoteFile, signal?: AbortSignal): Promise<'written' | 'unchanged'>;
  /** As root; undefined if it isn't there. */
  readFile(
    path: string,
    options?: { readonly maxBytes?: number; readonly signal?: AbortSignal },
  ): Promise<Buffer | undefined>;
  /** As root; goes on where a broken one stopped, checks the hash, renames. */
  upload(file: RemoteUpload): Promise<'uploaded' | 'unchanged'>;
  close(): Promise<void>;
}

/** A step that may outlive its connection: runs under systemd on the machine, and can be attached to again. */
export interface LongCommand extends Omit<RemoteCommand, 'deadlineMs' | 'maxBytes'> {
  /** Names it on the machine, `[a-z0-9-]+`: the same one again attaches to what runs, or reads how it ended. */
  readonly id: string;
  /** As a whole, reconnecting included. */
  readonly deadlineMs: number;
}

export type LongResult =
  | (RemoteResult & { readonly kind: 'ended' })
  /** It was started and there is no trace of how it ended: the machine was restarted. Look again before doing it again. */
  | { readonly kind: 'interrupted' };
