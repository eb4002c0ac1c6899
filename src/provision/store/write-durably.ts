import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const ending = '.tmp';
const lockEnding = /\.lock\.[0-9]+-[0-9a-f]{16}$/;
const ownEnding = /\.[0-9]+-[0-9a-f]{8}\.tmp$/;

/**
 * Writes a file so that after a crash at any moment, of the process or of the machine, the old or the new content is
 * there, whole. For its owner's eyes only.
 */
export async function writeDurably(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}${ending}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      // Without it, a file system may carry out the rename before the content is there.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The rename itself is durable only when the directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A lock that is being taken has its file for seconds at most. */
const lockLeftoverMs = 600_000;

/** What killed writers left. Only for who holds the lock on the file, as another's may be in use. */
export async function removeLeftovers(path: string, nowMs: number): Promise<void> {
  const folder = dirname(path);
  const name = basename(path);
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}.`)) continue;
    const place = join(folder, entry);
    if (ownEnding.test(entry) || (lockEnding.test(entry) && (await isOlder(place, nowMs - lockLeftoverMs)))) {
      await rm(place, { force: true });
    }
  }
}

async function isOlder(path: string, thanMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < thanMs;
}
