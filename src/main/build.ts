import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from './third-party-licences.ts';

// Bundles the CLI into dist/, or into the directory given: shared chunks and a file for each part that is loaded late,
// so that a command loads what it needs and no more.
const root = fileURLToPath(new URL('../..', import.meta.url));
const [given] = process.argv.slice(2);
const outdir = resolve(root, given ?? 'dist');

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/hansa.ts'],
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  // Reading kubeconfigs is all we take from it; the whole package is seven times as much code to load.
  alias: { '@kubernetes/client-node': './node_modules/@kubernetes/client-node/dist/config.js' },
  // Stack traces in bug reports should name functions and lines that are in the repository.
  sourcemap: 'linked',
  sourcesContent: false,
  keepNames: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // Flat, because `hansa install` looks for crds/ beside dist/, whichever file it ends up in.
  chunkNames: '[name]-[hash]',
  // Dependencies in CommonJS ask for Node's own modules with `require`, and for where they lie: an ES module has neither.
  banner: {
    js: [
      "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
      'const { filename: __filename, dirname: __dirname } = import.meta;',
    ].join(''),
  },
  // Native parts of ssh2 are optional: it does without where they can't be loaded, as here.
  external: ['*.node'],
  metafile: true,
  logLevel: 'warning',
});

const written = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
// What an earlier build left goes only now, so that a build that fails leaves the last good one in place.
if (given === undefined) {
  for (const name of await readdir(outdir)) if (!written.has(name)) await rm(join(outdir, name));
}
await writeFile(
  join(outdir, 'THIRD-PARTY-LICENCES.txt'),
  await licencesOf(root, Object.keys(metafile.inputs)),
);
for (const [name, { bytes }] of written) {
  if (name.endsWith('.js')) console.log(`${name}  ${(bytes / 1024).toFixed(0)} KiB`);
}
