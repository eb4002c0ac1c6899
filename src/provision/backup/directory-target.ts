import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HansaError, messageOf } from '../../base/index.ts';
import type { BackupTarget } from './target.ts';

const partSuffix = '.part';

/** Backups in a directory, such as a mounted share: each is written beside its name, synced and renamed. */
export function directoryTarget(path: string): BackupTarget {
  const fileOf = (name: string): string => {
    if (/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(name) && !name.endsWith(partSuffix)) return join(path, name);
    throw new HansaError(`"${name}" can't name a backup: letters, digits, dots and dashes only`, {
      reason: 'BadBackupName',
      retry: 'never',
    });
  };
  return {
    where: path,

    async put(name, content, { signal } = {}) {
      const file = fileOf(name);
      await mkdir(path, { recursive: true, mode: 0o700 });
      const part = `${file}.${randomBytes(4).toString('hex')}${partSuffix}`;
      try {
        const handle = await open(part, 'wx', 0o600);
        try {
          for await (const chunk of content) {
            signal?.throwIfAborted();
            await handle.writeFile(chunk);
          }
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(part, file);
        await syncDirectory(path);
      } catch (error) {
        await rm(part, { force: true });
        throw isCode(error, 'ENOSPC')
          ? new HansaError(`${path} is full: free space there, or lower spec.backup.retention`, {
              reason: 'DiskFull',
              cause: error,
            })
          : error;
      }
    },

    async *get(name, { signal } = {}) {
      try {
        for await (const chunk of createReadStream(fileOf(name), {
          highWaterMark: 1024 * 1024,
          ...(signal && { signal }),
        })) {
          yield chunk as Buffer;
        }
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error;
        throw new HansaError(`there is no backup ${name} in ${path}: list them with "hansa backup list"`, {
          reason: 'BackupMissing',
          retry: 'never',
          cause: error,
        });
      }
    },

    async list() {
      const names = await readdir(path).catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return [];
        throw new HansaError(`the backups in ${path} can't be listed: ${messageOf(error)}`, {
          reason: 'BackupTargetUnreachable',
          cause: error,
        });
      });
      const whole = names.filter((name) => !name.endsWith(partSuffix)).toSorted();
      return Promise.all(
        whole.map(async (name) => ({ name, sizeBytes: (await stat(join(path, name))).size })),
      );
    },

    async remove(name) {
      await rm(fileOf(name), { force: true });
    },
  };
}

/** A rename lasts only when its directory is on the disk too. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
