import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileTree, TreeFile } from './file-tree.ts';
import { safePath } from './safe-path.ts';
import type { Refuse } from './tar-tree.ts';

/** Far deeper than any bundle, and short of a loop of mounts. */
const maxDepth = 16;

/** The files of a directory; what a bundle in a tar may not have, it may not have either. */
export async function scanDirectory(path: string, refuse: Refuse): Promise<FileTree> {
  const files = new Map<string, TreeFile>();
  const walk = async (below: string, depth: number): Promise<void> => {
    if (depth > maxDepth) throw refuse(`its directories are nested deeper than ${maxDepth}: ${below}`);
    for (const entry of await readdir(join(path, below), { withFileTypes: true })) {
      const relative = below === '' ? entry.name : `${below}/${entry.name}`;
      const name = safePath(relative);
      if (name === undefined)
        throw refuse(`it has a file with an unusable name: ${JSON.stringify(relative)}`);
      if (entry.isDirectory()) {
        await walk(relative, depth + 1);
        continue;
      }
      if (!entry.isFile())
        throw refuse(`its entry ${name} is a link or special file, and only plain files may be in it`);
      const place = join(path, relative);
      const { size, mode } = await lstat(place);
      files.set(name, {
        sizeBytes: size,
        mode: mode & 0o777,
        at: { path: place, offset: 0, sizeBytes: size, isWhole: true },
      });
    }
  };
  await walk('', 0);
  return { name: path, files };
}
