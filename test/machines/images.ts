import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Header, type Pack, pack } from 'tar-stream';

/** A file that goes into an image, or a link if `link` is given. */
export type LayerFile =
  | { readonly from: string; readonly to: string }
  | { readonly link: string; readonly to: string };

export type Layer =
  | { readonly kind: 'files'; readonly files: readonly LayerFile[] }
  /** Everything in a tar below the directory `root`, which is taken off the names. Small ones only: it is held in memory. */
  | { readonly kind: 'tar'; readonly path: string; readonly root: string };

export interface Image {
  /** As it is asked for: `registry.k8s.io/pause:3.10.2`. */
  readonly reference: string;
  readonly layers: readonly Layer[];
  readonly entrypoint?: readonly string[];
}

/**
 * Writes an image as an archive that both `ctr images import` and `docker load` take. No daemon is needed.
 *
 * *Guarantees*: the same content gives the same bytes, so digests of two builds can be compared.
 */
export async function writeImageArchive(image: Image, path: string): Promise<void> {
  const layers = [];
  try {
    for (const [index, layer] of image.layers.entries()) {
      layers.push(await writeLayer(layer, `${path}.layer${index}`));
    }
    const unfinished = `${path}.unfinished`;
    const archive = pack();
    const written = pipeline(archive, createWriteStream(unfinished));
    await addContents(archive, image, layers);
    archive.finalize();
    await written;
    renameSync(unfinished, path);
  } finally {
    for (const each of layers) rmSync(each.path, { force: true });
  }
}

interface WrittenLayer {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

async function writeLayer(layer: Layer, path: string): Promise<WrittenLayer> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(path));
  switch (layer.kind) {
    case 'files':
      await addFiles(tar, layer.files);
      break;
    case 'tar':
      await addTar(tar, layer);
      break;
  }
  tar.finalize();
  await written;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { path, digest: hash.digest('hex'), sizeBytes: statSync(path).size };
}

async function addFiles(tar: Pack, files: readonly LayerFile[]): Promise<void> {
  const dirs = new Set<string>();
  for (const file of files.toSorted((one, other) => compareText(one.to, other.to))) {
    const name = file.to.replace(/^\/+/, '');
    const parts = name.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth += 1) dirs.add(parts.slice(0, depth).join('/'));
  }
  for (const dir of [...dirs].toSorted(compareText))
    tar.entry({ ...plain, name: dir, type: 'directory', mode: 0o755 });
  for (const file of files.toSorted((one, other) => compareText(one.to, other.to))) {
    const name = file.to.replace(/^\/+/, '');
    if ('link' in file) tar.entry({ ...plain, name, type: 'symlink', linkname: file.link });
    else await addFile(tar, file.from, { ...plain, name, mode: 0o755 });
  }
}

async function addTar(tar: Pack, { path, root }: Extract<Layer, { kind: 'tar' }>): Promise<void> {
  const entries: { readonly header: Header; readonly content: Buffer }[] = [];
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk as Buffer));
    stream.on('end', () => {
      entries.push({ header, content: Buffer.concat(chunks) });
      next();
    });
  });
  await pipeline(createReadStream(path), reader);
  const named = entries.flatMap(({ header, content }) => {
    const name = header.name.replace(/^\.?\//, '').replace(/\/$/, '');
    return name.startsWith(`${root}/`) ? [{ header, content, name: name.slice(root.length + 1) }] : [];
  });
  for (const { header, content, name } of named.toSorted((one, other) => compareText(one.name, other.name))) {
    const { type, mode, linkname } = header;
    tar.entry(
      { ...plain, name, ...(type ? { type } : {}), mode: mode ?? 0o644, linkname: linkname ?? null },
      content,
    );
  }
}

/** Nothing that differs from one build to the next. */
const plain = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

async function addFile(
  tar: Pack,
  from: string,
  header: Partial<Header> & { readonly name: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = tar.entry({ ...header, size: statSync(from).size }, (error) =>
      error ? reject(error) : resolve(),
    );
    createReadStream(from).on('error', reject).pipe(entry);
  });
}

const types = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
} as const;

/** An OCI layout, with the file beside it that older programs look for. */
async function addContents(archive: Pack, image: Image, layers: readonly WrittenLayer[]): Promise<void> {
  const blob = (digest: string) => `blobs/sha256/${digest}`;
  const addBytes = (name: string, content: Buffer | string) =>
    void archive.entry({ ...plain, name, mode: 0o644 }, content);
  const addBlob = (content: object) => {
    const bytes = Buffer.from(JSON.stringify(content));
    const digest = createHash('sha256').update(bytes).digest('hex');
    addBytes(blob(digest), bytes);
    return { digest, size: bytes.length };
  };
  const config = addBlob({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: '/',
      ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
  });
  for (const { path, digest } of layers)
    await addFile(archive, path, { ...plain, name: blob(digest), mode: 0o644 });
  const manifest = addBlob({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, digest: `sha256:${config.digest}`, size: config.size },
    layers: layers.map(({ digest, sizeBytes }) => ({
      mediaType: types.layer,
      digest: `sha256:${digest}`,
      size: sizeBytes,
    })),
  });
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      {
        mediaType: types.manifest,
        digest: `sha256:${manifest.digest}`,
        size: manifest.size,
        annotations: { 'io.containerd.image.name': image.reference },
      },
    ],
  };
  addBytes('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  addBytes('index.json', JSON.stringify(index));
  addBytes(
    'manifest.json',
    JSON.stringify([
      {
        Config: blob(config.digest),
        RepoTags: [image.reference],
        Layers: layers.map(({ digest }) => blob(digest)),
      },
    ]),
  );
}

/** The same order under every locale. */
function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
