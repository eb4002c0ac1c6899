import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generated-files.ts';

/** Folders that hold nothing but generated files, so what no kind asks for any more is removed from them. */
const generatedFolders = ['crds', 'docs/api'] as const;

/** Brings one file to what the schemas say, and tells what was done. */
async function bringUp(path: string, content: string | undefined): Promise<string> {
  const place = join(root, path);
  if (content === undefined) {
    await rm(place);
    return `removed: ${path}`;
  }
  await mkdir(dirname(place), { recursive: true });
  await writeFile(place, content);
  return `wrote: ${path}`;
}

/** Files that are not what the schemas say: changed, missing, or asked for by no kind. */
async function staleFiles(wanted: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const present = (await Promise.all(generatedFolders.map((folder) => filesBelow(folder)))).flat();
  const paths = [...new Set([...wanted.keys(), ...present])].toSorted();
  const stale = await Promise.all(
    paths.map(async (path) => (await textOf(join(root, path))) !== wanted.get(path)),
  );
  return paths.filter((_, index) => stale[index]);
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

// CRDs, reference pages and editor schemas from the zod schemas; with --check it only tells what is stale.
const root = fileURLToPath(new URL('../..', import.meta.url));
const wanted = generatedFiles();
const stale = await staleFiles(wanted);
if (process.argv.includes('--check')) {
  for (const path of stale) console.log(`stale: ${path}`);
  if (stale.length > 0) {
    console.error(
      'These files are not what the schemas in src/api say: run "npm run generate" and commit the result.',
    );
    process.exitCode = 1;
  }
} else {
  for (const path of stale) console.log(await bringUp(path, wanted.get(path)));
}
