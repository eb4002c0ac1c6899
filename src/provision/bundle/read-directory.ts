import { join } from 'node:path';
import { HansaError } from '../../base/index.ts';
import { type FileDraft, type ImageDraft, type ItemDraft, roleOfBinary } from './bundle-draft.ts';
import { scanDirectory } from './directory-tree.ts';
import type { FilePlace, FileTree } from './file-tree.ts';
import { readImageArchive } from './image-archive.ts';
import { hashPlace, placeBytes } from './read-place.ts';

export interface DirectoryContents {
  /** Of Kubernetes. */
  readonly version: string;
  readonly drafts: readonly ItemDraft[];
  /** kubeadm by architecture; `any`: a script. */
  readonly kubeadm: ReadonlyMap<string, string>;
}

/**
 * Reads what a person has collected: `bin/` with programs, `cni/` with network plugins, `images/*.tar`,
 * `manifests/*.yaml`. Architectures are read from the files; the version is that of kube-apiserver.
 * @throws HansaError DirectoryIncomplete, ImageUnreadable
 */
export async function readDirectory(path: string, signal?: AbortSignal): Promise<DirectoryContents> {
  const refuse = (why: string) => incomplete(path, why);
  const tree = await scanDirectory(path, refuse).catch((error: unknown) => {
    throw error instanceof HansaError ? error : incomplete(path, 'it cannot be read');
  });
  const images: Omit<ImageDraft, 'kubernetes'>[] = [];
  for (const name of below(tree, 'images').filter((each) => each.endsWith('.tar'))) {
    signal?.throwIfAborted();
    images.push(...(await readImageArchive(join(path, name))));
  }
  const version = versionIn(images);
  if (!version) {
    throw incomplete(
      path,
      'among its images/*.tar is no kube-apiserver, whose tag tells the version of Kubernetes',
    );
  }
  const kubernetes = [version];
  const files: FileDraft[] = [];
  const kubeadm = new Map<string, string>();
  for (const name of [...below(tree, 'bin'), ...below(tree, 'cni'), ...below(tree, 'manifests')]) {
    const draft = await fileDraft(tree, name, kubernetes, signal);
    files.push(draft);
    if (draft.folder === 'bin' && draft.name === 'kubeadm')
      kubeadm.set(draft.arch ?? 'any', join(path, name));
  }
  return { version, drafts: [...files, ...images.map((image) => ({ ...image, kubernetes }))], kubeadm };
}

/** The architecture of a program for Linux; undefined for a script. */
export async function architectureOf(place: FilePlace): Promise<string | undefined> {
  if (place.sizeBytes < 20) return undefined;
  const header = await placeBytes({ ...place, sizeBytes: 20 }, 20);
  if (!header.subarray(0, 4).equals(Buffer.from([0x7f, 0x45, 0x4c, 0x46]))) return undefined;
  return architectures[header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18)];
}

/** ELF's numbers, Go's names. */
const architectures: Readonly<Record<number, string>> = {
  0x3e: 'amd64',
  0xb7: 'arm64',
  0xf3: 'riscv64',
  0x15: 'ppc64le',
  0x16: 's390x',
};

async function fileDraft(
  tree: FileTree,
  path: string,
  kubernetes: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FileDraft> {
  const file = tree.files.get(path);
  if (!file) throw incomplete(tree.name, `${path} is gone`);
  const [folder = '', name = ''] = path.split('/');
  const isManifest = folder === 'manifests';
  const isOfKubernetes = ['kubeadm', 'kubelet', 'kubectl'].includes(name);
  return {
    ...(await hashPlace(file.at, { signal })),
    kind: isManifest ? 'manifest' : 'binary',
    name,
    folder: isManifest ? 'manifests' : folder === 'cni' ? 'cni' : 'bin',
    arch: isManifest ? undefined : await architectureOf(file.at),
    role: isManifest ? 'all' : roleOfBinary(name),
    mode: isManifest ? 0o644 : 0o755,
    kubernetes,
    ...(isOfKubernetes && kubernetes[0] ? { version: kubernetes[0] } : {}),
    source: join(tree.name, path),
    content: { kind: 'place', place: file.at },
  };
}

function versionIn(images: readonly Omit<ImageDraft, 'kubernetes'>[]): string | undefined {
  const found = images.map(({ name }) => /\/kube-apiserver:v(\d+\.\d+\.\d+)$/.exec(name)?.[1]);
  const versions = [...new Set(found.filter((each) => each !== undefined))];
  return versions.length === 1 ? versions[0] : undefined;
}

/** Files directly in a folder. */
function below(tree: FileTree, folder: string): readonly string[] {
  return [...tree.files.keys()]
    .filter((path) => path.startsWith(`${folder}/`) && path.split('/').length === 2)
    .sort();
}

function incomplete(path: string, why: string): HansaError {
  return new HansaError(
    `no bundle can be made of ${path}: ${why}; it must have bin/ (programs), images/*.tar, and may have cni/ and manifests/`,
    { reason: 'DirectoryIncomplete', retry: 'never' },
  );
}
