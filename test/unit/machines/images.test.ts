import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Image, writeImageArchive } from '../../machines/images.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-unit-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const unpack = (archive: string, into: string) => {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xf', archive, '-C', into]);
};

/** A program in a layer above a small tree that came as a tar. */
async function writeExample(file: string, mtime: Date): Promise<string> {
  const program = join(dir, 'program');
  writeFileSync(program, 'I run');
  utimesSync(program, mtime, mtime);
  mkdirSync(join(dir, 'tree', 'base', 'etc'), { recursive: true });
  writeFileSync(join(dir, 'tree', 'base', 'etc', 'b'), 'b');
  writeFileSync(join(dir, 'tree', 'base', 'etc', 'a'), 'a', { mode: 0o600 });
  utimesSync(join(dir, 'tree', 'base', 'etc', 'a'), mtime, mtime);
  execFileSync('tar', ['-cf', join(dir, 'tree.tar'), '-C', join(dir, 'tree'), 'base']);
  const image: Image = {
    reference: 'registry.example/tools/program:v1',
    layers: [
      { kind: 'tar', path: join(dir, 'tree.tar'), root: 'base' },
      {
        kind: 'files',
        files: [
          { from: program, to: '/usr/local/bin/program' },
          { link: 'program', to: '/usr/local/bin/alias' },
        ],
      },
    ],
    entrypoint: ['/usr/local/bin/program'],
  };
  const path = join(dir, file);
  await writeImageArchive(image, path);
  return path;
}

describe('an image archive', () => {
  it('has the same bytes whenever the same content is written', async () => {
    const one = await writeExample('one.tar', new Date('2026-01-02T03:04:05Z'));
    const other = await writeExample('other.tar', new Date('2026-06-07T08:09:10Z'));
    expect(sha256(one)).toBe(sha256(other));
  });

  it('leads from its index over the manifest to layers, each under its digest', async () => {
    const out = join(dir, 'out');
    unpack(await writeExample('image.tar', new Date()), out);
    const read = (path: string) => JSON.parse(readFileSync(join(out, path), 'utf8'));
    const blob = (digest: string) => {
      const path = join(out, 'blobs', 'sha256', digest.replace('sha256:', ''));
      expect(`sha256:${sha256(path)}`).toBe(digest);
      return path;
    };
    const [entry] = read('index.json').manifests;
    expect(entry.annotations).toEqual({ 'io.containerd.image.name': 'registry.example/tools/program:v1' });
    const manifest = JSON.parse(readFileSync(blob(entry.digest), 'utf8'));
    const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8'));
    const layers = manifest.layers.map(({ digest }: { digest: string }) => digest);
    // Not compressed, so a layer is told by one digest in both places.
    expect(config.rootfs.diff_ids).toEqual(layers);
    expect(config.config.Entrypoint).toEqual(['/usr/local/bin/program']);
    const root = join(dir, 'root');
    for (const digest of layers) unpack(blob(digest), root);
    expect(readFileSync(join(root, 'etc', 'a'), 'utf8')).toBe('a');
    expect(readFileSync(join(root, 'usr', 'local', 'bin', 'alias'), 'utf8')).toBe('I run');
    // What "docker load" reads tells the same.
    expect(read('manifest.json')).toEqual([
      {
        Config: `blobs/sha256/${manifest.config.digest.replace('sha256:', '')}`,
        RepoTags: ['registry.example/tools/program:v1'],
        Layers: layers.map((digest: string) => `blobs/sha256/${digest.replace('sha256:', '')}`),
      },
    ]);
  });
});
