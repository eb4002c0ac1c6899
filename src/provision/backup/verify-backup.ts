import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HansaError } from '../../base/index.ts';
import { readArchive } from './archive.ts';
import type { BackupManifest } from './manifest.ts';
import type { BackupTarget } from './target.ts';

/** Reads a backup to its end and proves it, without keeping anything. @throws HansaError as `readArchive` */
export function verifyBackup(
  target: BackupTarget,
  name: string,
  passphrase: string,
  signal?: AbortSignal,
): Promise<BackupManifest> {
  return readArchive(target.get(name, signal ? { signal } : {}), passphrase);
}

export interface OpenedBackup extends AsyncDisposable {
  readonly manifest: BackupManifest;
  /** Path of an item here, or undefined if the backup has none such. */
  path(item: string): string | undefined;
}

/**
 * Unpacks a backup into a directory only we can read, after it was proved whole; disposing of it removes that. Nothing
 * of a damaged backup is ever handed out.
 */
export async function openBackup(
  target: BackupTarget,
  name: string,
  passphrase: string,
  signal?: AbortSignal,
): Promise<OpenedBackup> {
  const directory = await mkdtemp(join(tmpdir(), 'hansa-restore-'));
  const dispose = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const manifest = await readArchive(
      target.get(name, signal ? { signal } : {}),
      passphrase,
      async ({ path }, content) => {
        const file = join(directory, inside(path));
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        await pipeline(content, createWriteStream(file, { mode: 0o600 }), signal ? { signal } : {});
      },
    );
    const paths = new Set(manifest.items.map(({ path }) => path));
    return {
      manifest,
      path: (item) => (paths.has(item) ? join(directory, inside(item)) : undefined),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The seal proves that we wrote the path; a second look costs nothing. */
function inside(path: string): string {
  const isSafe = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (isSafe && !path.includes('\0')) return path;
  throw new HansaError(`the backup names the file "${path}", which leads out of its directory`, {
    reason: 'BackupCorrupt',
    retry: 'never',
  });
}
