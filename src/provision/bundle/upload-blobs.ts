import { HansaError } from '../../base/index.ts';
import type { BundleBlob, BundleItem, BundleSource } from '../engine/executor.ts';
import { hasReason } from '../transport/failures.ts';
import { Slots } from '../transport/slots.ts';
import type { Transport } from '../transport/transport.ts';
import { blobPath, blobsDirectory, blobsOf, bytesOf } from './machine-blobs.ts';

/** Over all machines of a run: one uplink feeds them, and more at once only makes all of them late. */
const fleetUploads = 5;
/** Of one machine: small files wait for the wire's delay, not for its width. */
const machineUploads = 3;
/** The blob itself, the same bytes in the runtime's store, and unpacked. */
const roomFactor = 3;

export interface BlobReceiver {
  readonly name: string;
  readonly transport: Pick<Transport, 'exec' | 'upload'>;
}

export interface BlobLook {
  readonly missing: readonly BundleBlob[];
  readonly freeBytes: number;
}

/** Which bytes of these items a machine lacks. What lies under a hash's name was hashed when it came; its size is seen again. */
export async function lookForBlobs(
  { name, transport }: BlobReceiver,
  items: readonly BundleItem[],
  signal: AbortSignal,
): Promise<BlobLook> {
  const blobs = blobsOf(items);
  const { code, stdout, stderr } = await transport.exec({
    script: lookScript,
    args: [blobsDirectory],
    stdin: blobs.map(({ sha256, sizeBytes }) => `${sha256} ${sizeBytes}\n`).join(''),
    root: true,
    signal,
  });
  const [free = '', ...lacking] = stdout.trim().split('\n');
  if (code !== 0 || !/^\d+$/.test(free)) {
    throw new HansaError(
      `what ${name} has of the bundle could not be seen: ${stderr.trim() || `exit code ${code}`}`,
      { reason: 'LookFailed' },
    );
  }
  const absent = new Set(lacking);
  return { missing: blobs.filter(({ sha256 }) => absent.has(sha256)), freeBytes: Number(free) };
}

// A file of another size was damaged after it came; the upload compares hashes and puts the right one in its place.
const lookScript = `
dir=$1 place=$1
while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
df -P -B1 -- "$place" | awk 'NR == 2 { print $4 }'
while read -r hash size; do
  if [ ! -f "$dir/$hash" ] || [ "$(stat -c %s -- "$dir/$hash")" != "$size" ]; then echo "$hash"; fi
done
`;

/**
 * Before anything is sent.
 * @throws HansaError DiskFull, with the arithmetic
 */
export function refuseFullDisk(name: string, { missing, freeBytes }: BlobLook): void {
  const missingBytes = bytesOf(missing);
  const neededBytes = missingBytes * roomFactor;
  if (freeBytes >= neededBytes) return;
  throw new HansaError(
    `${name} has ${megabytes(freeBytes)} MB free below /var/cache, and ${megabytes(neededBytes)} MB are needed: ` +
      `${megabytes(missingBytes)} MB of the bundle, once more in the runtime's store and once unpacked; free some, then try again`,
    { reason: 'DiskFull', retry: 'never' },
  );
}

export interface UploadOptions {
  readonly signal: AbortSignal;
  readonly update: (detail: string) => void;
}

/** The largest first, so that no long one is left over at the end. Each goes on where a broken upload stopped. */
export async function uploadBlobs(
  receiver: BlobReceiver,
  bundle: BundleSource,
  missing: readonly BundleBlob[],
  options: UploadOptions,
): Promise<void> {
  const queue = missing.toSorted((one, other) => other.sizeBytes - one.sizeBytes);
  const total = bytesOf(missing);
  const sent = new Map<string, number>();
  // The first failure stops the others: their ends would only hide it.
  const broken = new AbortController();
  const signal = AbortSignal.any([options.signal, broken.signal]);
  const worker = async () => {
    for (let blob = queue.shift(); blob; blob = queue.shift()) {
      const { sha256, sizeBytes } = blob;
      const giveBack = await fleetOf(bundle).take(signal);
      try {
        await receiver.transport.upload({
          path: blobPath(sha256),
          content: () => bundle.open({ sha256 }),
          sizeBytes,
          sha256,
          mode: 0o644,
          signal,
          onProgress: (bytes) => {
            sent.set(sha256, bytes);
            const done = [...sent.values()].reduce((sum, each) => sum + each, 0);
            options.update(`${megabytes(done)} of ${megabytes(total)} MB`);
          },
        });
      } catch (error) {
        broken.abort(error);
        throw error;
      } finally {
        giveBack();
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: machineUploads }, worker));
  options.signal.throwIfAborted();
  if (hasReason(broken.signal.reason, 'DiskFull')) {
    await removeParts(receiver, missing, options.signal);
    throw ranFull(receiver.name, missing, broken.signal.reason);
  }
  if (broken.signal.aborted) throw broken.signal.reason;
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Half files are kept to be gone on with, but not on a disk that is full: others need the room. */
async function removeParts(
  { transport }: BlobReceiver,
  missing: readonly BundleBlob[],
  signal: AbortSignal,
): Promise<void> {
  await transport.exec({
    script: `cd -- "$1" && while read -r hash; do rm -f -- "$hash".*.part; done`,
    args: [blobsDirectory],
    stdin: missing.map(({ sha256 }) => `${sha256}\n`).join(''),
    root: true,
    signal,
  });
}

function ranFull(name: string, missing: readonly BundleBlob[], cause: unknown): HansaError {
  return new HansaError(
    `the disk of ${name} ran full while the bundle was loaded: something else filled it meanwhile; ` +
      `free ${megabytes(bytesOf(missing) * roomFactor)} MB below /var/cache, then try again`,
    { reason: 'DiskFull', retry: 'never', cause },
  );
}

/** Uploads that run now, by the bundle they come from: one is opened for a run. */
const fleets = new WeakMap<BundleSource, Slots>();

function fleetOf(bundle: BundleSource): Slots {
  const slots = fleets.get(bundle) ?? new Slots(fleetUploads);
  fleets.set(bundle, slots);
  return slots;
}

export function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000);
}
