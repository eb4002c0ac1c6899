import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { HansaError } from '../../base/index.ts';
import { cacheDirFor } from '../../sandbox/index.ts';

const renderLimitMs = 120_000;
const maxRenderedBytes = 32 * 1024 * 1024;
const toldLines = 20;

/** A program that renders a kustomize directory, and the arguments before the directory. */
interface Renderer {
  readonly file: string;
  readonly args: readonly string[];
}

/** kustomize or kubectl as found on PATH, else the kubectl of the sandbox. */
export function renderersFor(env: NodeJS.ProcessEnv = process.env): readonly Renderer[] {
  const assets = env['KUBEBUILDER_ASSETS'];
  const kubectls = [
    'kubectl',
    ...(assets ? [join(assets, 'kubectl')] : []),
    ...cachedKubectls(cacheDirFor(env)),
  ];
  return [{ file: 'kustomize', args: ['build'] }, ...kubectls.map((file) => ({ file, args: ['kustomize'] }))];
}

/** Newest first, by name: versions of one minor differ little here. */
function cachedKubectls(cacheDir: string): readonly string[] {
  const dir = join(cacheDir, 'bin', 'kubectl');
  try {
    return readdirSync(dir)
      .toSorted()
      .toReversed()
      .map((version) => join(dir, version, 'kubectl'));
  } catch {
    return [];
  }
}

/**
 * The objects of a kustomize directory as YAML.
 * @throws HansaError KustomizeMissing, KustomizeFailed with what the program said
 */
export async function renderKustomization(
  dir: string,
  signal?: AbortSignal,
  renderers: readonly Renderer[] = renderersFor(),
): Promise<string> {
  for (const { file, args } of renderers) {
    const result = await execa(file, [...args, '--', dir], {
      reject: false,
      stdin: 'ignore',
      timeout: renderLimitMs,
      maxBuffer: maxRenderedBytes,
      ...(signal ? { cancelSignal: signal } : {}),
    });
    if (!result.failed) return result.stdout;
    signal?.throwIfAborted();
    if (result.code === 'ENOENT') continue;
    const said = result.stderr.trim().split('\n').slice(-toldLines).join('\n');
    throw new HansaError(`${file} could not render ${dir}: ${said || result.shortMessage}`, {
      reason: 'KustomizeFailed',
      retry: 'never',
    });
  }
  throw new HansaError(
    'neither kustomize nor kubectl is on PATH: install one of them, or render the directory yourself and give the ' +
      'result with --manifests FILE',
    { reason: 'KustomizeMissing', retry: 'never' },
  );
}

/** Renders a kustomize directory that came as an archive. Its paths have been checked by `untar`. */
export async function renderArchive(
  files: ReadonlyMap<string, Uint8Array>,
  signal?: AbortSignal,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hansa-kustomize-'));
  try {
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), bytes);
    }
    return await renderKustomization(dir, signal);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
