import { gunzipSync } from 'node:zlib';
import { HansaError } from '../../base/index.ts';
import type { EtcdHost } from './etcdctl.ts';

/** Small enough that one piece, base64 and all, stays below the 16 MiB a command may answer. */
const pieceBytes = 8 * 1024 * 1024;
/** A piece that was lost with its connection is asked for again: reading harms nothing. */
const attempts = 3;

/**
 * A large file from a machine, piece by piece: needs only a shell there, holds one piece in memory, and a broken
 * connection costs one piece. Packed on the way, since etcd's database shrinks to a fraction.
 */
export async function* readRemoteFile(
  on: EtcdHost,
  path: string,
  { sizeBytes, signal }: { readonly sizeBytes: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < sizeBytes; offset += pieceBytes) {
    const length = Math.min(pieceBytes, sizeBytes - offset);
    yield await readPiece(on, path, offset, length, signal);
  }
}

async function readPiece(
  on: EtcdHost,
  path: string,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { code, stdout, stderr } = await on.transport.exec({
        script:
          'dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none | gzip -1 | base64 -w0',
        args: [path, String(offset), String(length)],
        root: true,
        deadlineMs: 5 * 60_000,
        ...(signal && { signal }),
      });
      const piece = code === 0 && stdout !== '' ? gunzipSync(Buffer.from(stdout, 'base64')) : undefined;
      if (piece?.length === length) return piece;
      throw new HansaError(
        `${path} on ${on.transport.address} could not be read at ${offset} (${piece?.length ?? 0} of ${length} bytes): ` +
          `${stderr.trim() || 'it got shorter meanwhile'}`,
        { reason: 'RemoteFileUnreadable' },
      );
    } catch (error) {
      if (attempt === attempts || signal?.aborted) throw error;
    }
  }
}
