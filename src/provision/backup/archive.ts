import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { HansaError } from '../../base/index.ts';
import { snapshotChecker } from '../etcd/snapshot-check.ts';
import {
  type BackupItem,
  type BackupManifest,
  manifestPath,
  parseManifest,
  snapshotPath,
} from './manifest.ts';
import { seal, type SealOptions, unseal } from './seal.ts';

/** What goes into a backup: its size and hash are known before its content passes. */
export interface ArchiveEntry extends BackupItem {
  content(): AsyncIterable<Buffer>;
}

/**
 * A backup as a stream: a tar of the manifest and the entries, sealed. What an entry gives is checked against its size
 * and hash on the way, so a wrong backup is never finished.
 */
export function writeArchive(
  manifest: Omit<BackupManifest, 'items'>,
  entries: readonly ArchiveEntry[],
  passphrase: string,
  options: SealOptions = {},
): AsyncGenerator<Buffer> {
  const items = entries.map(({ path, sizeBytes, sha256 }) => ({ path, sizeBytes, sha256 }));
  return seal(tarOf({ ...manifest, items }, entries), passphrase, options);
}

async function* tarOf(manifest: BackupManifest, entries: readonly ArchiveEntry[]): AsyncGenerator<Buffer> {
  const tar = pack();
  const at = new Date(manifest.takenAt);
  const filled = (async () => {
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    tar.entry({ name: manifestPath, mode: 0o600, mtime: at }, text);
    for (const entry of entries) {
      const slot = tar.entry({ name: entry.path, size: entry.sizeBytes, mode: 0o600, mtime: at });
      await pipeline(checked(entry.content(), entry), slot);
    }
    tar.finalize();
  })();
  filled.catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  for await (const chunk of tar) yield chunk as Buffer;
  await filled;
}

/** One file of a backup on its way out. Must be read to its end, or left alone. */
export type ItemReader = (item: BackupItem, content: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Reads a backup to its end and proves it: seal, manifest, every item's size and hash, the snapshot's own check sum,
 * nothing missing and nothing else. `onItem` gets the content before all that is known: read once without it first, and
 * only then with it.
 * @throws HansaError NotSealed, PassphraseWrong, BackupCorrupt, SnapshotCorrupt
 */
export async function readArchive(
  sealed: AsyncIterable<Buffer>,
  passphrase: string,
  onItem: ItemReader = drain,
): Promise<BackupManifest> {
  const entries = extract();
  const fed = pipeline(Readable.from(unseal(sealed, passphrase), { objectMode: false }), entries);
  // Awaited below; until then its failure shows in the loop.
  fed.catch(() => undefined);
  let manifest: BackupManifest | undefined;
  const missing = new Map<string, BackupItem>();
  try {
    for await (const entry of entries) {
      const path = entry.header.name;
      if (!manifest) {
        if (path !== manifestPath) throw corrupt(`it starts with ${path} instead of its manifest`);
        manifest = parseManifest((await gather(buffersOf(entry))).toString('utf8'));
        for (const item of manifest.items) missing.set(item.path, item);
        continue;
      }
      const item = missing.get(path);
      if (!item) throw corrupt(`it holds ${path}, which its manifest doesn't name`);
      missing.delete(path);
      await onItem(item, checked(buffersOf(entry), item));
    }
    await fed;
  } catch (error) {
    // Whatever tar says about broken bytes, the seal knows better.
    await fed;
    throw error;
  }
  if (!manifest) throw corrupt('it is empty');
  if (missing.size > 0) throw corrupt(`it lacks ${[...missing.keys()].join(', ')}`);
  return manifest;
}

async function* checked(content: AsyncIterable<Buffer>, item: BackupItem): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const snapshot = item.path === snapshotPath ? snapshotChecker() : undefined;
  let sizeBytes = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    snapshot?.update(chunk);
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes !== item.sizeBytes || hash.digest('hex') !== item.sha256) {
    throw corrupt(`${item.path} is not what its manifest says`);
  }
  snapshot?.finish();
}

async function drain(_item: BackupItem, content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _chunk of content);
}

/** tar-stream types its entries as streams of anything; what they give is Buffers. */
function buffersOf(entry: AsyncIterable<unknown>): AsyncIterable<Buffer> {
  return entry as AsyncIterable<Buffer>;
}

/** Manifests are small; a huge one is no manifest. */
async function gather(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of content) {
    parts.push(part);
    bytes += part.length;
    if (bytes > 4 * 1024 * 1024) throw corrupt('its manifest is too large');
  }
  return Buffer.concat(parts);
}

function corrupt(why: string): HansaError {
  return new HansaError(`the backup is damaged: ${why}; nothing was changed, take another one`, {
    reason: 'BackupCorrupt',
    retry: 'never',
  });
}
