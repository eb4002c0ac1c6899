import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { RemoteUpload } from '../../../../src/provision/transport/index.ts';

export interface TemporaryDirectory extends AsyncDisposable {
  path(name: string): string;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const directory = await mkdtemp(join(tmpdir(), 'hansa-transport-'));
  return {
    path: (name) => join(directory, name),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

export function uploadOf(path: string, content: Buffer, changes: Partial<RemoteUpload> = {}): RemoteUpload {
  return {
    path,
    content: () => Readable.from(pieces(content)),
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    mode: 0o755,
    ...changes,
  };
}

/** As a file is read. */
function* pieces(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 65_000) yield content.subarray(at, at + 65_000);
}

/** Fast ones for tests that lose connections on purpose. */
export const quickLimits = { retryDelayMs: 50, connectTimeoutMs: 3000 };

/** What a promise is rejected with; handled from the start, so that it may fail while the test does something else. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
}
