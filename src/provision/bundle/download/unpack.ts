import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { HansaError, messageOf } from '../../../base/index.ts';
import { safePath } from '../safe-path.ts';
import type { PublishedFile } from './published-files.ts';

/** Programs are executable; what else lies in an archive are texts. */
const executable = 0o111;

/**
 * Takes programs out of a gzipped tar into a directory, once. Gives the path of each by its name.
 * @throws HansaError ArchiveUnreadable
 */
export async function unpackPrograms(
  archive: string,
  into: string,
  { members, url }: Pick<PublishedFile, 'members' | 'url'>,
): Promise<ReadonlyMap<string, string>> {
  const there = await readdir(into).catch(() => []);
  if (there.length === 0) await unpack(archive, into, members, url);
  const programs = new Map((await readdir(into)).map((name) => [name, join(into, name)]));
  const wanted = members && members !== '*' ? Object.values(members) : [];
  const missing = wanted.filter((name) => !programs.has(name));
  if (missing.length > 0 || programs.size === 0) {
    throw new HansaError(
      `${url} holds no ${missing.join(', ') || 'programs'}: this is not the archive it should be`,
      {
        reason: 'ArchiveUnreadable',
        retry: 'never',
      },
    );
  }
  return programs;
}

async function unpack(
  archive: string,
  into: string,
  members: PublishedFile['members'],
  url: string,
): Promise<void> {
  const unfinished = `${into}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const reader = extract();
  const isRead = pipeline(createReadStream(archive), createGunzip(), reader);
  try {
    for await (const entry of reader) {
      const { name: path, mode, type } = entry.header;
      const inner = safePath(path) ?? '';
      const name =
        members === '*'
          ? (mode & executable) !== 0 && !inner.includes('/')
            ? inner
            : undefined
          : members?.[inner];
      if (type !== 'file' || !name) {
        entry.resume();
        continue;
      }
      await pipeline(entry, createWriteStream(join(unfinished, name), { mode: 0o755 }));
    }
    await isRead;
  } catch (error) {
    await isRead.catch(() => undefined);
    throw new HansaError(`the archive from ${url} can't be unpacked: ${messageOf(error)}`, {
      reason: 'ArchiveUnreadable',
      retry: 'never',
      cause: error,
    });
  }
  await rename(unfinished, into);
}
