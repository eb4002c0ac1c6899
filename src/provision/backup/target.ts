/**
 * Where backups are kept, off the machines. What is put there is sealed already, so a target needs no trust but to keep
 * it. Names hold letters, digits, dots and dashes only.
 */
export interface BackupTarget {
  /** For messages: `/backups`, `s3://bucket/prefix`. */
  readonly where: string;
  /** Whole or not at all: what failed half way is never listed. A name that exists is replaced. */
  put(
    name: string,
    content: AsyncIterable<Buffer>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>;
  /** @throws HansaError BackupMissing */
  get(name: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<Buffer>;
  list(options?: { readonly signal?: AbortSignal }): Promise<readonly ListedBackup[]>;
  /** One that isn't there is no error. */
  remove(name: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

export interface ListedBackup {
  readonly name: string;
  readonly sizeBytes: number;
}
