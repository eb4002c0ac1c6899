import { type Clock, HansaError, type Progress, silentProgress } from '../../base/index.ts';
import { compareVersions, versionOf } from '../plan/version.ts';
import { type ItemDraft, mergeDrafts, storedItem } from './bundle-draft.ts';
import { type BundleFile, bundleSchema } from './bundle-file.ts';
import { findGaps } from './find-gaps.ts';
import { listImages } from './kubernetes-images.ts';
import { type DirectoryContents, readDirectory } from './read-directory.ts';
import { readPrivateKey } from './signature.ts';
import { writeBundle } from './write-bundle.ts';

export interface CreateOptions {
  /** A tar if it ends in `.tar`, else a directory. */
  readonly to: string;
  /** PEM; undefined: it is not signed. */
  readonly privateKey: string | undefined;
  /** Write it even if no cluster can be made with it alone. */
  readonly allowIncomplete?: boolean;
  readonly clock: Clock;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface CreatedBundle {
  readonly path: string;
  readonly file: BundleFile;
  readonly sizeBytes: number;
  /** Sentences about what machines must have from elsewhere. */
  readonly notes: readonly string[];
}

/**
 * Makes a bundle of directories with programs and images, one for each version of Kubernetes.
 * @throws HansaError DirectoryIncomplete, BundleIncomplete, VersionGap, FileExists
 */
export async function createFromDirectories(
  directories: readonly string[],
  options: CreateOptions,
): Promise<CreatedBundle> {
  const { progress = silentProgress, signal } = options;
  const contents: DirectoryContents[] = [];
  for (const directory of directories) {
    const step = progress.step(`read ${directory}`);
    try {
      const found = await readDirectory(directory, signal);
      step.done(`Kubernetes ${found.version}, ${found.drafts.length} items`);
      contents.push(found);
    } catch (error) {
      step.fail('');
      throw error;
    }
  }
  return createBundle(contents, options);
}

/** Puts together what was found for each version, says what is missing, and writes it. */
export async function createBundle(
  contents: readonly DirectoryContents[],
  { to, privateKey, allowIncomplete = false, clock, progress = silentProgress, signal }: CreateOptions,
): Promise<CreatedBundle> {
  const key = privateKey === undefined ? undefined : readPrivateKey(privateKey);
  const kubernetes = upgradePath(contents.map(({ version }) => version));
  const drafts = mergeDrafts(contents.flatMap((each) => each.drafts));
  const architectures = architecturesOf(drafts);
  const notes = await findAllGaps(contents, drafts, architectures, { allowIncomplete, signal });
  const file: BundleFile = {
    schema: bundleSchema,
    created: new Date(clock.now()).toISOString(),
    kubernetes: [...kubernetes],
    architectures: [...architectures],
    items: drafts.map((draft) => storedItem(draft, kubernetes)),
  };
  const step = progress.step(`write ${to}`);
  try {
    const { sizeBytes } = await writeBundle(file, drafts, {
      to,
      key,
      signal,
      onProgress: (written, total) => step.update(`${megabytes(written)} of ${megabytes(total)} MB`),
    });
    step.done(`${megabytes(sizeBytes)} MB`);
    return { path: to, file, sizeBytes, notes };
  } catch (error) {
    step.fail('');
    throw error;
  }
}

/**
 * Versions in the order an upgrade takes them.
 * @throws HansaError VersionGap where a minor between them is left out: kubeadm goes one at a time
 */
export function upgradePath(versions: readonly string[]): readonly string[] {
  const sorted = [...new Set(versions)].map(versionOf).toSorted(compareVersions);
  for (const [index, version] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before && (version.major !== before.major || version.minor > before.minor + 1)) {
      throw new HansaError(
        `there is no way from Kubernetes ${before.text} to ${version.text}: upgrades go minor by minor, so put a 1.${before.minor + 1} between them`,
        { reason: 'VersionGap', retry: 'never' },
      );
    }
  }
  return sorted.map(({ text }) => text);
}

function architecturesOf(drafts: readonly ItemDraft[]): readonly string[] {
  const found = drafts.filter(({ kind }) => kind === 'image').flatMap(({ arch }) => arch ?? []);
  return [...new Set(found)].sort();
}

async function findAllGaps(
  contents: readonly DirectoryContents[],
  drafts: readonly ItemDraft[],
  architectures: readonly string[],
  {
    allowIncomplete,
    signal,
  }: { readonly allowIncomplete: boolean; readonly signal: AbortSignal | undefined },
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const { version, kubeadm } of contents) {
    const images = await listImages(version, kubeadm.get(ownArchitecture()) ?? kubeadm.get('any'), signal);
    for (const arch of architectures) {
      const { missing, perhaps } = findGaps(drafts, { version, arch, images });
      const what = `for Kubernetes ${version} on ${arch}`;
      if (missing.length > 0 && !allowIncomplete) {
        throw new HansaError(
          `no cluster can be made with this bundle: ${what} it lacks ${missing.join(', ')}; add them, or write it all the same with --allow-incomplete`,
          { reason: 'BundleIncomplete', retry: 'never' },
        );
      }
      if (missing.length > 0) notes.push(`${what} it lacks ${missing.join(', ')}`);
      if (perhaps.length > 0)
        notes.push(`${what} it has no ${perhaps.join(', ')}: machines must have them already`);
    }
  }
  return notes;
}

/** As Go names it. */
export function ownArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}
