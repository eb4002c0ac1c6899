import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../../../src/base/index.ts';
import { knownKind } from '../../../src/provision/kind/tools.ts';
import { runCommand } from '../../../src/sandbox/run-command.ts';
import { ensureBundleDir } from '../../machines/bundle-dir.ts';
import type { Docker } from '../../machines/docker.ts';
import { inStep } from '../../machines/in-step.ts';
import { machinesDir } from '../../machines/places.ts';
import { ensureRootTree } from '../../machines/root-tree.ts';

interface Options {
  readonly docker: Docker;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** kind, from HANSA_KIND or built with Go once. */
export async function ensureKind({ progress, signal }: Options): Promise<string> {
  if (process.env['HANSA_KIND']) return process.env['HANSA_KIND'];
  const dir = join(machinesDir(), 'kind', knownKind.tried);
  const path = join(dir, 'kind');
  if (existsSync(path)) return path;
  mkdirSync(dir, { recursive: true });
  await inStep(progress, `build kind ${knownKind.tried} with Go`, () =>
    runCommand('go', ['install', `sigs.k8s.io/kind@v${knownKind.tried}`], {
      cwd: dir,
      env: { ...process.env, GOBIN: dir, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
      signal,
    }),
  );
  return path;
}

export interface NodeImage {
  readonly name: string;
  readonly kubernetesVersion: string;
  /** A pod network that the image has the images of. */
  readonly cniManifest: string;
  /** Of the same version, for this host. */
  readonly kubectlPath: string;
}

/** A node image from what test machines are made of: no registry is asked for anything. */
export async function ensureNodeImage(options: Options): Promise<NodeImage> {
  const { docker, progress, signal } = options;
  const [bundle, tree] = [await ensureBundleDir(options), await ensureRootTree(options)];
  const scriptPath = fileURLToPath(new URL('make-node.sh', import.meta.url));
  const script = readFileSync(scriptPath, 'utf8');
  const id = createHash('sha256').update(`${tree.id} ${bundle.path} ${script}`).digest('hex').slice(0, 12);
  const name = `hansa-kind-node:${bundle.kubernetesVersion}-${id}`;
  const image = {
    name,
    kubernetesVersion: bundle.kubernetesVersion,
    cniManifest: readFileSync(join(bundle.path, 'manifests', 'flannel.yaml'), 'utf8'),
    kubectlPath: join(bundle.path, 'bin', 'kubectl'),
  };
  if ((await docker.run(['image', 'ls', '--quiet', name])) !== '') return image;
  const pause = bundle.images.find(({ reference }) => /\/pause:/.test(reference))?.reference;
  if (pause === undefined) throw new Error(`the bundle ${bundle.path} has no pause image`);
  const base = `hansa-kind-base:${id}`;
  const container = `hansa-kind-make-${process.pid}`;
  await inStep(progress, 'make a node image for kind', async () => {
    await docker.run(['import', tree.path, base], { timeoutMs: 300_000, signal });
    try {
      await docker.run(['run', '--detach', '--name', container, '--entrypoint', '/bin/sleep', base, '3600']);
      await docker.run(['cp', bundle.path, `${container}:/bundle`], { timeoutMs: 300_000 });
      const made = ['exec', '--interactive', container, 'bash', '-s', bundle.kubernetesVersion, pause];
      await docker.run(made, { input: script, timeoutMs: 300_000, signal });
      await docker.run(['exec', container, 'rm', '-rf', '/bundle']);
      const entry = 'ENTRYPOINT ["/usr/local/sbin/kind-entrypoint", "/sbin/init"]';
      const changes = ['--change', entry, '--change', 'ENV container=docker'];
      await docker.run(['commit', ...changes, container, name], { timeoutMs: 300_000 });
    } finally {
      await docker.run(['rm', '--force', '--volumes', container]).catch(() => '');
      // The new image keeps its layers; only the name goes.
      await docker.run(['image', 'rm', base]).catch(() => '');
    }
  });
  return image;
}

/** Environment in which kind finds a docker that this host can serve. */
export function kindEnvironment(
  docker: Docker,
  kindPath: string,
): Readonly<Record<string, string | undefined>> {
  const env = { ...process.env, ...docker.env, HANSA_KIND: kindPath };
  if (!lacksSysResource()) return env;
  const real = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, 'docker'))
    .find((path) => existsSync(path));
  const dir = join(dirname(kindPath), 'shim');
  mkdirSync(dir, { recursive: true });
  const shim = readFileSync(fileURLToPath(new URL('docker-shim.sh', import.meta.url)), 'utf8');
  writeFileSync(join(dir, 'docker'), shim, { mode: 0o755 });
  return { ...env, HANSA_TEST_DOCKER: real, PATH: `${dir}${delimiter}${process.env['PATH'] ?? ''}` };
}

function lacksSysResource(): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return bounding !== undefined && ((BigInt(`0x${bounding}`) >> 24n) & 1n) === 0n;
}
