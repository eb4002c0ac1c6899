import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The licences of all packages that a bundle contains, as one text: nearly each of them asks that its text goes where
 * its code goes. `inputs` are the bundled files, relative to the root.
 */
export async function licencesOf(root: string, inputs: readonly string[]): Promise<string> {
  const packages = new Set(inputs.flatMap((input) => packageDirOf(input) ?? []));
  const texts = await Promise.all([...packages].toSorted().map((dir) => licenceOf(join(root, dir))));
  return texts.join(`\n${'-'.repeat(78)}\n\n`);
}

/** The innermost package: a dependency may bring another version of its own. */
function packageDirOf(input: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

async function licenceOf(dir: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
    /** As packages named it once; ssh2 still does. */
    readonly licenses?: readonly { readonly type: string }[];
  };
  const files = (await readdir(dir)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).toSorted();
  const texts = await Promise.all(files.map((name) => readFile(join(dir, name), 'utf8')));
  const named = manifest.license ?? manifest.licenses?.map(({ type }) => type).join(', ');
  const heading = `${manifest.name} ${manifest.version} (${named || 'no licence named'})\n`;
  return [heading, ...texts].join('\n');
}
