import { createHash, type KeyObject } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { HansaError } from '../../base/index.ts';
import type { BlobDraft, Content, ImageDraft, ItemDraft } from './bundle-draft.ts';
import { type BundleFile, bundlePaths, formatBundleFile } from './bundle-file.ts';
import { readPlace } from './read-place.ts';
import { signBytes } from './signature.ts';
import { formatSums } from './sums.ts';

export interface WriteOptions {
  /** A tar if it ends in `.tar`, else a directory. */
  readonly to: string;
  readonly key: KeyObject | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

interface Part extends BlobDraft {
  readonly path: string;
  readonly mode: number;
}

/**
 * Writes a bundle. It stands under its name only when all of it is there; bytes that don't have the hash they should
 * have stop it.
 */
export async function writeBundle(
  file: BundleFile,
  drafts: readonly ItemDraft[],
  { to, key, signal, onProgress }: WriteOptions,
): Promise<{ readonly sizeBytes: number }> {
  if (await exists(to)) {
    throw new HansaError(`${to} is there already: name another place, or remove it first`, {
      reason: 'FileExists',
      retry: 'never',
    });
  }
  const parts = allParts(file, drafts, key);
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  let written = 0;
  const told = (bytes: number) => {
    written += bytes;
    onProgress?.(written, sizeBytes);
  };
  const unfinished = `${to}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    await (to.endsWith('.tar') ? writeTar : writeDirectory)(parts, unfinished, { signal, told });
    await rename(unfinished, to);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  return { sizeBytes };
}

/** What a reader wants first comes first. */
function allParts(
  file: BundleFile,
  drafts: readonly ItemDraft[],
  key: KeyObject | undefined,
): readonly Part[] {
  const parts = new Map<string, Part>();
  for (const [index, stored] of file.items.entries()) {
    const draft = drafts[index];
    if (!draft) continue;
    if (draft.kind === 'image') {
      for (const blob of draft.blobs) {
        const path = bundlePaths.blob(blob.sha256);
        parts.set(path, { ...blob, path, mode: 0o644 });
      }
    } else if (stored.kind !== 'image') {
      const { sha256, sizeBytes, content, mode } = draft;
      const before = parts.get(stored.path);
      if (before && before.sha256 !== sha256) throw twice(draft.name, stored.path);
      parts.set(stored.path, { path: stored.path, sha256, sizeBytes, content, mode });
    }
  }
  const images = drafts.filter((draft) => draft.kind === 'image');
  const own = [
    textPart(bundlePaths.description, formatBundleFile(file)),
    ...(images.length > 0 ? layoutParts(images) : []),
  ];
  const files = [...own, ...[...parts.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1))];
  const sums = textPart(
    bundlePaths.sums,
    formatSums(new Map(files.map(({ path, sha256 }) => [path, sha256]))),
  );
  const [description, ...others] = files;
  return [
    ...(description ? [description] : []),
    sums,
    ...(key && sums.content.kind === 'bytes'
      ? [bytesPart(bundlePaths.signature, signBytes(sums.content.bytes, key))]
      : []),
    ...others,
  ];
}

/** With these two, `oci/` is a layout that skopeo and containerd read too. */
function layoutParts(images: readonly ImageDraft[]): readonly Part[] {
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ name, arch, mediaType, sha256, blobs }) => ({
      mediaType,
      digest: `sha256:${sha256}`,
      size: blobs.find((blob) => blob.sha256 === sha256)?.sizeBytes ?? 0,
      platform: { architecture: arch, os: 'linux' },
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    })),
  };
  return [
    textPart('oci/oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    textPart('oci/index.json', `${JSON.stringify(index, null, 2)}\n`),
  ];
}

interface Writing {
  readonly signal: AbortSignal | undefined;
  readonly told: (bytes: number) => void;
}

async function writeTar(parts: readonly Part[], to: string, writing: Writing): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const archive = pack();
  const isWritten = pipeline(archive, createWriteStream(to), { signal: writing.signal });
  const isPacked = packParts(archive, parts, writing).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  // Whichever fails first is the cause; the other one fails because of it.
  await Promise.all([isPacked, isWritten]);
}

async function packParts(archive: Pack, parts: readonly Part[], writing: Writing): Promise<void> {
  for (const part of parts) {
    const { path, sizeBytes, mode } = part;
    const entry = archive.entry({ name: path, size: sizeBytes, mode, mtime: new Date(0), uid: 0, gid: 0 });
    await pipeline(checkedContent(part, writing), entry, { signal: writing.signal });
  }
  archive.finalize();
}

async function writeDirectory(parts: readonly Part[], to: string, writing: Writing): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const part of parts) {
    const path = join(to, part.path);
    await mkdir(dirname(path), { recursive: true });
    if (await isLinked(part, path)) {
      writing.told(part.sizeBytes);
      continue;
    }
    await pipeline(checkedContent(part, writing), createWriteStream(path, { mode: part.mode }), {
      signal: writing.signal,
    });
  }
}

/** A second name instead of a copy where the file system allows it. Its hash was just read. */
async function isLinked({ content }: Part, path: string): Promise<boolean> {
  if (content.kind !== 'place' || !content.place.isWhole) return false;
  return link(content.place.path, path).then(
    () => true,
    () => false,
  );
}

async function* checkedContent(part: Part, { told }: Writing): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of streamOf(part.content)) {
    hash.update(chunk as Buffer);
    told((chunk as Buffer).length);
    yield chunk as Buffer;
  }
  if (hash.digest('hex') === part.sha256) return;
  const from = part.content.kind === 'place' ? part.content.place.path : part.path;
  throw new HansaError(
    `${from} is damaged or changed while it was read: a part of it has not the hash sha256:${part.sha256}; get it again`,
    { reason: 'HashMismatch', retry: 'never' },
  );
}

function streamOf(content: Content): Readable {
  return content.kind === 'place' ? readPlace(content.place) : Readable.from([content.bytes]);
}

function textPart(path: string, text: string): Part {
  return bytesPart(path, Buffer.from(text));
}

function bytesPart(path: string, bytes: Buffer): Part {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, sha256, sizeBytes: bytes.length, mode: 0o644, content: { kind: 'bytes', bytes } };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function twice(name: string, path: string): HansaError {
  return new HansaError(`two different files want to be ${path} (${name}): leave one of them out`, {
    reason: 'ItemTwice',
    retry: 'never',
  });
}
