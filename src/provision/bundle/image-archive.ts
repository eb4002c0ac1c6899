import { createHash } from 'node:crypto';
import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import { type BlobDraft, type ImageDraft, roleOfImage } from './bundle-draft.ts';
import type { FilePlace, FileTree } from './file-tree.ts';
import { manifestBlobs, mediaTypes, parseObject } from './image-manifest.ts';
import { fullReference } from './image-reference.ts';
import { hashPlace, placeBytes } from './read-place.ts';
import { scanTar } from './tar-tree.ts';

type ArchiveImage = Omit<ImageDraft, 'kubernetes'>;

const maxManifestBytes = 4 * 1024 * 1024;

/**
 * Reads the images in an archive as `docker save`, `ctr images export` and `skopeo copy` write it, without unpacking it.
 * Hashes of an OCI layout are taken from its names; they are checked when the bundle is written.
 * @throws HansaError ImageUnreadable
 */
export async function readImageArchive(path: string): Promise<readonly ArchiveImage[]> {
  const tree = await scanTar(path, (why) => unreadable(path, why));
  if (tree.files.has('index.json') && tree.files.has('oci-layout')) return readLayout(tree);
  if (tree.files.has('manifest.json')) return readDockerArchive(tree);
  throw unreadable(path, 'it has neither an index.json nor a manifest.json');
}

async function readLayout(tree: FileTree): Promise<readonly ArchiveImage[]> {
  const index = await objectAt(tree, 'index.json');
  const images: ArchiveImage[] = [];
  for (const descriptor of objects(index['manifests'])) {
    const name = nameOf(descriptor) ?? (await onlyRepoTag(tree));
    if (!name) {
      throw unreadable(
        tree.name,
        'its image has no name: save it with its full name, such as "docker save registry.k8s.io/pause:3.10.2"',
      );
    }
    for (const manifest of await imageManifests(tree, descriptor)) {
      images.push(await layoutImage(tree, fullReference(name), manifest));
    }
  }
  if (images.length === 0) throw unreadable(tree.name, 'it holds no image');
  return images;
}

function nameOf({ annotations }: JsonObject): string | undefined {
  if (!isJsonObject(annotations)) return undefined;
  const full = annotations['io.containerd.image.name'];
  if (typeof full === 'string') return full;
  // Some tools write the whole name here, others the tag alone.
  const reference = annotations['org.opencontainers.image.ref.name'];
  return typeof reference === 'string' && reference.includes(':') ? reference : undefined;
}

async function onlyRepoTag(tree: FileTree): Promise<string | undefined> {
  if (!tree.files.has('manifest.json')) return undefined;
  const tags = (await dockerManifest(tree)).flatMap((entry) => texts(entry['RepoTags']));
  return tags.length === 1 ? tags[0] : undefined;
}

/** An index is looked through: one of several architectures, and things that are no images. */
async function imageManifests(tree: FileTree, descriptor: JsonObject): Promise<readonly JsonObject[]> {
  if (!mediaTypes.indexes.includes(textOf(descriptor['mediaType']))) return [descriptor];
  const inner = await objectAt(tree, blobPath(tree, descriptor));
  return objects(inner['manifests']).filter(
    ({ platform, digest }) =>
      isJsonObject(platform) &&
      platform['os'] === 'linux' &&
      tree.files.has(`blobs/sha256/${textOf(digest).replace('sha256:', '')}`),
  );
}

async function layoutImage(tree: FileTree, name: string, descriptor: JsonObject): Promise<ArchiveImage> {
  const manifest = blobAt(tree, descriptor);
  const content = await objectAt(tree, blobPath(tree, descriptor));
  const parts = manifestBlobs(content, (why) => unreadable(tree.name, why)).map((part) => blobAt(tree, part));
  const config = parts[0];
  if (!config || config.content.kind !== 'place') throw unreadable(tree.name, `${name} has no configuration`);
  const { sha256 } = manifest;
  return {
    ...whatIsIt(name, await architectureAt(tree, config.content.place)),
    sha256,
    mediaType: mediaTypeOf(content, descriptor),
    blobs: uniqueBlobs([manifest, ...parts]),
    source: tree.name,
  };
}

function mediaTypeOf(manifest: JsonObject, descriptor: JsonObject): string {
  const told = manifest['mediaType'] ?? descriptor['mediaType'];
  return typeof told === 'string' ? told : mediaTypes.manifest;
}

function blobPath(tree: FileTree, { digest }: JsonObject): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(textOf(digest))?.[1];
  if (!hex) throw unreadable(tree.name, `it names a part by "${textOf(digest)}" instead of by sha256`);
  return `blobs/sha256/${hex}`;
}

function blobAt(tree: FileTree, descriptor: JsonObject): BlobDraft {
  const path = blobPath(tree, descriptor);
  const file = tree.files.get(path);
  if (!file) throw unreadable(tree.name, `the part ${path} is missing`);
  return {
    sha256: path.slice('blobs/sha256/'.length),
    sizeBytes: file.sizeBytes,
    content: { kind: 'place', place: file.at },
  };
}

/** The older form: no manifests with hashes, so that we write one. The same archive gives the same one. */
async function readDockerArchive(tree: FileTree): Promise<readonly ArchiveImage[]> {
  const images: ArchiveImage[] = [];
  for (const entry of await dockerManifest(tree)) {
    const config = await hashed(tree, textOf(entry['Config']));
    const layers = [];
    for (const layer of texts(entry['Layers'])) {
      const blob = await hashed(tree, layer);
      layers.push({ blob, mediaType: (await isGzip(blob.place)) ? mediaTypes.gzipLayer : mediaTypes.layer });
    }
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: { mediaType: mediaTypes.config, digest: `sha256:${config.sha256}`, size: config.sizeBytes },
        layers: layers.map(({ blob, mediaType }) => ({
          mediaType,
          digest: `sha256:${blob.sha256}`,
          size: blob.sizeBytes,
        })),
      }),
    );
    const sha256 = createHash('sha256').update(manifest).digest('hex');
    const parts = [config, ...layers.map(({ blob }) => blob)];
    const blobs = uniqueBlobs([
      { sha256, sizeBytes: manifest.length, content: { kind: 'bytes', bytes: manifest } },
      ...parts.map(
        (blob): BlobDraft => ({
          sha256: blob.sha256,
          sizeBytes: blob.sizeBytes,
          content: { kind: 'place', place: blob.place },
        }),
      ),
    ]);
    const arch = await architectureAt(tree, config.place);
    const names = texts(entry['RepoTags']);
    if (names.length === 0) throw unreadable(tree.name, 'its image has no name');
    for (const name of names) {
      const what = whatIsIt(fullReference(name), arch);
      images.push({ ...what, sha256, mediaType: mediaTypes.manifest, blobs, source: tree.name });
    }
  }
  return images;
}

async function dockerManifest(tree: FileTree): Promise<readonly JsonObject[]> {
  return objects(await jsonAt(tree, 'manifest.json'));
}

async function hashed(tree: FileTree, path: string) {
  const file = tree.files.get(path);
  if (!file) throw unreadable(tree.name, `the part ${path} is missing`);
  return { ...(await hashPlace(file.at)), place: file.at };
}

async function isGzip(place: FilePlace): Promise<boolean> {
  if (place.sizeBytes < 2) return false;
  const [first, second] = await placeBytes({ ...place, sizeBytes: 2 }, 2);
  return first === 0x1f && second === 0x8b;
}

async function architectureAt(tree: FileTree, place: FilePlace): Promise<string> {
  const config = parseObject(await placeBytes(place, maxManifestBytes), (why) => unreadable(tree.name, why));
  const { architecture } = config;
  if (typeof architecture !== 'string')
    throw unreadable(tree.name, 'its image does not say for which architecture it is');
  return architecture;
}

function whatIsIt(name: string, arch: string) {
  const version = /:([^/:@]+)$/.exec(name)?.[1];
  return { kind: 'image', name, arch, role: roleOfImage(name), ...(version ? { version } : {}) } as const;
}

/** Two layers of an image may be the same. */
function uniqueBlobs(blobs: readonly BlobDraft[]): readonly BlobDraft[] {
  return [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()];
}

async function objectAt(tree: FileTree, path: string): Promise<JsonObject> {
  const value = await jsonAt(tree, path);
  if (isJsonObject(value)) return value;
  throw unreadable(tree.name, `its ${path} is not an object`);
}

async function jsonAt(tree: FileTree, path: string): Promise<unknown> {
  const file = tree.files.get(path);
  if (!file) throw unreadable(tree.name, `the part ${path} is missing`);
  const bytes = await placeBytes(file.at, maxManifestBytes);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unreadable(tree.name, `its ${path} is not JSON`);
  }
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function unreadable(path: string, why: string): HansaError {
  return new HansaError(
    `the image archive ${path} can't be used: ${why}; save the image again, with "docker save" or "ctr images export"`,
    { reason: 'ImageUnreadable', retry: 'never' },
  );
}
