import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Clock, HansaError, type Progress, silentProgress } from '../../../base/index.ts';
import {
  type BlobDraft,
  type FileDraft,
  type ImageDraft,
  roleOfBinary,
  roleOfImage,
} from '../bundle-draft.ts';
import { componentsFor } from '../component-versions.ts';
import { ownArchitecture } from '../create-bundle.ts';
import { listImages } from '../kubernetes-images.ts';
import type { DirectoryContents } from '../read-directory.ts';
import { hashPlace } from '../read-place.ts';
import { eachLimited } from './each-limited.ts';
import { createHttpSource, type HttpSource } from './http-source.ts';
import { fileUrl, type Mirrors } from './mirrors.ts';
import {
  checksumIn,
  companionFiles,
  flannelManifestUrl,
  imagesIn,
  kubernetesProgram,
  type PublishedFile,
} from './published-files.ts';
import { Registry, type RegistryLogin } from './registry.ts';
import { unpackPrograms } from './unpack.ts';

/** At once; more would share one line and finish no sooner. */
const parallelDownloads = 4;
const maxChecksumBytes = 1024 * 1024;
const maxTextBytes = 8 * 1024 * 1024;
const programs = ['kubelet', 'kubectl'] as const;

export interface DownloadOptions {
  readonly architectures: readonly string[];
  readonly mirrors: Mirrors;
  /** Files are kept here by hash, so that what came once is not loaded again. */
  readonly cacheDir: string;
  /** More images than Kubernetes and flannel need. */
  readonly extraImages: readonly string[];
  /** More manifests, by name; their images are loaded too. */
  readonly extraManifests: ReadonlyMap<string, string>;
  readonly loginFor: (registry: string) => Promise<RegistryLogin | undefined>;
  readonly clock: Clock;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Loads all that a version of Kubernetes needs from where it is published. Programs are compared with the hashes
 * published beside them, images with the digests that name them.
 * @throws HansaError VersionUnknown, SiteUnreachable, NotPublished, ChecksumMismatch, ImageNotFound, …
 */
export async function downloadContents(
  version: string,
  options: DownloadOptions,
): Promise<DirectoryContents> {
  const { clock, progress = silentProgress, architectures } = options;
  await using http = createHttpSource(clock);
  const kubeadm = new Map<string, string>();
  const drafts: (FileDraft | ImageDraft)[] = [];
  for (const arch of architectures) {
    const step = progress.step(`load Kubernetes ${version} for ${arch}`);
    const told = { bytes: 0, what: '' };
    const work = new Download(http, version, arch, options, (what, bytes) => {
      told.bytes += bytes;
      told.what = what;
      step.update(`${Math.round(told.bytes / 1_000_000)} MB: ${told.what}`);
    });
    try {
      const { items, kubeadmPath } = await work.run();
      drafts.push(...items);
      kubeadm.set(arch, kubeadmPath);
      step.done(`${Math.round(told.bytes / 1_000_000)} MB`);
    } catch (error) {
      step.fail('');
      throw error;
    }
  }
  return { version, drafts, kubeadm };
}

type Tell = (what: string, bytes: number) => void;

class Download {
  readonly #http: HttpSource;
  readonly #version: string;
  readonly #arch: string;
  readonly #options: DownloadOptions;
  readonly #tell: Tell;
  readonly #registry: Registry;

  constructor(http: HttpSource, version: string, arch: string, options: DownloadOptions, tell: Tell) {
    this.#http = http;
    this.#version = version;
    this.#arch = arch;
    this.#options = options;
    this.#tell = tell;
    const { mirrors, loginFor, signal } = options;
    this.#registry = new Registry({ http, mirrors, loginFor, signal });
  }

  async run(): Promise<{
    readonly items: readonly (FileDraft | ImageDraft)[];
    readonly kubeadmPath: string;
  }> {
    const version = this.#version;
    const arch = this.#arch;
    const components = componentsFor(version);
    // First, since it knows the images, and those tell which etcd it is.
    const kubeadmFile = kubernetesProgram('kubeadm', version, arch);
    const kubeadmPath = await this.#fetch(kubeadmFile);
    const runnable = arch === ownArchitecture() ? kubeadmPath : undefined;
    const images = await listImages(version, runnable, this.#options.signal);
    const manifests = await this.#manifests(flannelManifestUrl(components));
    const files = [
      kubeadmFile,
      ...programs.map((name) => kubernetesProgram(name, version, arch)),
      ...companionFiles(components, images, arch),
    ];
    const allImages = [
      ...images,
      ...manifests.flatMap(({ text }) => imagesIn(text)),
      ...this.#options.extraImages,
    ];
    const binaries = await eachLimited(files, parallelDownloads, (file) => this.#programs(file));
    const pulled = await eachLimited([...new Set(allImages)], parallelDownloads, (name) => this.#image(name));
    return { items: [...binaries.flat(), ...manifests.map(({ draft }) => draft), ...pulled], kubeadmPath };
  }

  async #manifests(flannelUrl: string) {
    const { mirrors, extraManifests, signal } = this.#options;
    const url = fileUrl(flannelUrl, mirrors);
    const flannel = extraManifests.has('flannel.yaml')
      ? []
      : [
          {
            name: 'flannel.yaml',
            source: flannelUrl,
            text: (await this.#http.bytes(url, maxTextBytes, { signal })).toString('utf8'),
          },
        ];
    const own = [...extraManifests].map(([name, text]) => ({ name, source: name, text }));
    return [...flannel, ...own].map(({ name, source, text }) => ({
      text,
      draft: {
        kind: 'manifest',
        name,
        role: 'all',
        arch: undefined,
        folder: 'manifests',
        mode: 0o644,
        kubernetes: [this.#version],
        source,
        ...bytesBlob(Buffer.from(text)),
      } satisfies FileDraft,
    }));
  }

  async #programs(file: PublishedFile): Promise<readonly FileDraft[]> {
    const path = await this.#fetch(file);
    const { name, members } = file;
    const found = members
      ? await unpackPrograms(path, this.#unpackedDir(path), file)
      : new Map([[name, path]]);
    return Promise.all([...found].map(([each, place]) => this.#binary(file, each, place)));
  }

  async #binary(file: PublishedFile, name: string, path: string): Promise<FileDraft> {
    const { size } = await stat(path);
    const place = { path, offset: 0, sizeBytes: size, isWhole: true };
    return {
      ...(await hashPlace(place, { signal: this.#options.signal })),
      kind: 'binary',
      name,
      role: roleOfBinary(name),
      arch: this.#arch,
      folder: file.folder,
      mode: 0o755,
      version: file.version,
      kubernetes: [this.#version],
      source: file.url,
      content: { kind: 'place', place },
    };
  }

  /** Loads a published file into the cache, by the hash that is published beside it. */
  async #fetch({ url, checksumUrl }: PublishedFile): Promise<string> {
    const { mirrors, signal } = this.#options;
    const name = basename(new URL(url).pathname);
    const sums = await this.#http.bytes(fileUrl(checksumUrl, mirrors), maxChecksumBytes, { signal });
    const sha256 = checksumIn(sums.toString('utf8'), name);
    if (!sha256) {
      throw new HansaError(
        `${fileUrl(checksumUrl, mirrors)} has no sha256 of ${name}: it may be the page of a proxy`,
        {
          reason: 'NotPublished',
          retry: 'never',
        },
      );
    }
    const path = this.#blobPath(sha256);
    await this.#http.file({
      url: fileUrl(url, mirrors),
      path,
      sha256,
      mode: 0o755,
      signal,
      onBytes: (bytes) => this.#tell(name, bytes),
    });
    return path;
  }

  async #image(reference: string): Promise<ImageDraft> {
    const found = await this.#registry.find(reference, this.#arch);
    const blobs: BlobDraft[] = [bytesBlob(found.manifest)];
    for (const { sha256, sizeBytes } of found.blobs) {
      const path = this.#blobPath(sha256);
      await found.load({ sha256, sizeBytes }, path, (bytes) => this.#tell(found.name, bytes));
      blobs.push({
        sha256,
        sizeBytes,
        content: { kind: 'place', place: { path, offset: 0, sizeBytes, isWhole: true } },
      });
    }
    const version = /:([^/:@]+)(?:@|$)/.exec(found.name)?.[1];
    return {
      kind: 'image',
      // Beside a tag, the digest of all architectures is of no use on a machine of one.
      name: found.name.replace(/(:[^/:@]+)@sha256:[0-9a-f]{64}$/, '$1'),
      arch: this.#arch,
      role: roleOfImage(found.name),
      ...(version ? { version } : {}),
      kubernetes: [this.#version],
      sha256: found.digest,
      mediaType: found.mediaType,
      source: reference,
      blobs: [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()],
    };
  }

  #blobPath(sha256: string): string {
    return join(this.#options.cacheDir, 'blobs', 'sha256', sha256);
  }

  #unpackedDir(archive: string): string {
    return join(this.#options.cacheDir, 'unpacked', basename(archive));
  }
}

function bytesBlob(bytes: Buffer): BlobDraft {
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sizeBytes: bytes.length,
    content: { kind: 'bytes', bytes },
  };
}
