import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';

export interface SnapshotDigest {
  readonly sizeBytes: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
}

const trailerBytes = 32;
/** etcd's database is made of pages of at least this size; the trailer makes the file one hash longer. */
const pageBytes = 512;

/**
 * Checks a snapshot while it passes by, without etcd's tools: `etcdctl snapshot save` appends the SHA-256 of all before
 * it, and `etcdutl snapshot status` doesn't look at that (only `restore` does, too late for a backup).
 */
export function snapshotChecker(): { update(chunk: Buffer): void; finish(): SnapshotDigest } {
  const whole = createHash('sha256');
  const body = createHash('sha256');
  let tail = Buffer.alloc(0);
  let sizeBytes = 0;
  return {
    update(chunk) {
      whole.update(chunk);
      sizeBytes += chunk.length;
      const joined = Buffer.concat([tail, chunk]);
      const cut = Math.max(0, joined.length - trailerBytes);
      body.update(joined.subarray(0, cut));
      tail = Buffer.from(joined.subarray(cut));
    },
    finish() {
      if (sizeBytes % pageBytes !== trailerBytes) {
        throw corrupt(
          `it has ${sizeBytes} bytes, which no whole snapshot has (a copy of the data directory's db file has no check sum)`,
        );
      }
      if (!body.digest().equals(tail)) throw corrupt('its check sum does not fit its content');
      return { sizeBytes, sha256: whole.digest('hex') };
    },
  };
}

/** Reads a snapshot to its end. @throws HansaError SnapshotCorrupt */
export async function checkSnapshot(content: AsyncIterable<Buffer>): Promise<SnapshotDigest> {
  const checker = snapshotChecker();
  for await (const chunk of content) checker.update(chunk);
  return checker.finish();
}

function corrupt(why: string): HansaError {
  return new HansaError(`the snapshot is damaged or cut off: ${why}; nothing was changed, take another one`, {
    reason: 'SnapshotCorrupt',
    retry: 'never',
  });
}
