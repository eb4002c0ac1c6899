import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { HansaError } from '../../base/index.ts';
import type { FilePlace } from './file-tree.ts';

const chunkBytes = 1024 * 1024;

/** The bytes of a place. */
export function readPlace({ path, offset, sizeBytes }: FilePlace): Readable {
  if (sizeBytes === 0) return Readable.from([]);
  return createReadStream(path, { start: offset, end: offset + sizeBytes - 1, highWaterMark: chunkBytes });
}

/** For small ones. @throws HansaError FileTooLarge */
export async function placeBytes(place: FilePlace, maxBytes: number): Promise<Buffer> {
  if (place.sizeBytes > maxBytes) {
    throw new HansaError(
      `${place.path} holds a file of ${place.sizeBytes} bytes where at most ${maxBytes} are expected`,
      { reason: 'FileTooLarge', retry: 'never' },
    );
  }
  const chunks: Buffer[] = [];
  for await (const chunk of readPlace(place)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** sha256 in hex, and how many bytes there were in truth. */
export async function hashPlace(
  place: FilePlace,
  {
    signal,
    onBytes,
  }: { readonly signal?: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void } = {},
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of readPlace(place)) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
    onBytes?.((chunk as Buffer).length);
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}
