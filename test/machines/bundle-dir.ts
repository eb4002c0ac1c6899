import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Progress } from '../../src/base/index.ts';
import { defaultKubernetesVersion } from '../../src/sandbox/index.ts';
import { takeLock } from '../../src/sandbox/lock.ts';
import {
  cniFileNameOf,
  cniPluginsVersion,
  flannelPluginVersion,
  flannelVersion,
  type NodePart,
  type WantedProgram,
} from '../../src/sandbox/node-modules.ts';
import { ensureNodePrograms } from '../../src/sandbox/node-programs.ts';
import { runCommand } from '../../src/sandbox/run-command.ts';
import { type Image, type Layer, type LayerFile, writeImageArchive } from './images.ts';
import { inStep } from './in-step.ts';
import { machinesDir } from './places.ts';
import { pruneOld } from './prune.ts';
import { ensureRootTree } from './root-tree.ts';

/** A web server for tests: answers on port 8080 with the name of its pod; "hog-memory" and "hog-cpu" are its other lives. */
export const helloImage = 'lab.local/hello:v1';

/**
 * Everything that makes a machine a node of one Kubernetes version: `bin/` (programs), `cni/` (network plugins),
 * `images/` (archives), `manifests/flannel.yaml`. Nothing in it was fetched from a registry of images.
 */
export interface BundleDir {
  readonly path: string;
  /** Without a leading `v`. */
  readonly kubernetesVersion: string;
  readonly programs: readonly string[];
  readonly images: readonly { readonly reference: string; readonly file: string }[];
}

export interface BundleOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Lays out the bundle directory of a Kubernetes version, once.
 *
 * *Caveats*: from nothing about 12 minutes on 2 cores, nearly all of it compiling; 0.8 GB are kept for each version.
 */
export async function ensureBundleDir(
  options: BundleOptions,
  kubernetesVersion: string = defaultKubernetesVersion,
): Promise<BundleDir> {
  const path = join(machinesDir(), 'bundles', `${kubernetesVersion}-${recipeId()}`);
  const read = () => ({
    ...(JSON.parse(readFileSync(join(path, 'contents.json'), 'utf8')) as Omit<BundleDir, 'path'>),
    path,
  });
  if (existsSync(path)) return read();
  using _lock = await takeLock(join(machinesDir(), 'bundles.lock'), {
    signal: options.signal,
    waitMs: 60 * 60_000,
  });
  if (existsSync(path)) return read();
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await fill(unfinished, kubernetesVersion, options);
  renameSync(unfinished, path);
  pruneOld(dirname(path), basename(path), Date.now());
  return read();
}

/** Changes when what is below changes, so that no old directory is taken for a new one. */
function recipeId(): string {
  const hash = createHash('sha256');
  for (const file of [
    'bundle-dir.ts',
    'images.ts',
    'image/customize.sh',
    'image/packages.txt',
    'go/hello/main.go',
    'go/pause/main.go',
  ]) {
    hash.update(readFileSync(fileURLToPath(new URL(file, import.meta.url))));
  }
  return hash.digest('hex').slice(0, 8);
}

async function fill(dir: string, version: string, options: BundleOptions): Promise<void> {
  const { progress, signal } = options;
  for (const each of ['bin', 'cni', 'images', 'manifests', 'work'])
    mkdirSync(join(dir, each), { recursive: true });
  const tree = await ensureRootTree(options);
  const kubernetes = await ensureNodePrograms(
    kubernetesPrograms.map((program) => ({ program, version })),
    options,
  );
  const references = await imagesOf(pathIn(kubernetes, 'kubeadm'), version);
  const others = await ensureNodePrograms(companionsFor(references), options);
  const programs = new Map([...kubernetes, ...others]);
  const own = await buildOwn(join(dir, 'work'), options);

  for (const program of ['kubeadm', 'kubelet', 'kubectl', 'etcdctl', 'etcdutl'] as const) {
    place(pathIn(programs, program), join(dir, 'bin', program));
  }
  for (const [program, path] of programs) {
    const name = cniFileNameOf(program);
    if (name) place(path, join(dir, 'cni', name));
  }
  const tool = { cwd: dir, env: process.env, signal };
  await runCommand('tar', ['-xf', tree.runtimePath, '-C', join(dir, 'bin'), '--strip-components=1'], tool);
  const flannel = await flannelManifest(join(dir, 'work'), signal);
  writeFileSync(join(dir, 'manifests', 'flannel.yaml'), flannel);

  const images = [
    ...references.map((reference) => kubernetesImage(reference, programs, tree.userlandPath, own.pause)),
    ...flannelImages(flannel, programs, tree.userlandPath),
    {
      reference: helloImage,
      layers: [filesLayer({ from: own.hello, to: '/hello' })],
      entrypoint: ['/hello'],
    },
  ];
  await inStep(progress, `write ${images.length} images`, async (step) => {
    for (const [index, image] of images.entries()) {
      step.update(`${index + 1} of ${images.length}: ${image.reference}`);
      await writeImageArchive(image, join(dir, 'images', fileNameOf(image.reference)));
    }
  });
  rmSync(join(dir, 'work'), { recursive: true });
  const contents: Omit<BundleDir, 'path'> = {
    kubernetesVersion: version,
    programs: ['kubeadm', 'kubelet', 'kubectl', 'etcdctl', 'etcdutl', 'containerd', 'runc', 'ctr'],
    images: images.map(({ reference }) => ({ reference, file: `images/${fileNameOf(reference)}` })),
  };
  writeFileSync(join(dir, 'contents.json'), `${JSON.stringify(contents, null, 2)}\n`);
}

const kubernetesPrograms = [
  ...(['kubeadm', 'kubelet', 'kubectl', 'kube-proxy'] as const),
  ...(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const),
];

/** kubeadm knows best which images a version wants. */
async function imagesOf(kubeadm: string, version: string): Promise<string[]> {
  const args = ['config', 'images', 'list', '--kubernetes-version', `v${version}`];
  const { stdout } = await promisify(execFile)(kubeadm, args);
  return stdout.trim().split('\n');
}

/** What is not built from Kubernetes itself, in the versions of its images. */
function companionsFor(references: readonly string[]): WantedProgram[] {
  const etcd = versionOf(references, /\/etcd:v?(\d+\.\d+\.\d+)/);
  return [
    ...(['etcd', 'etcdctl', 'etcdutl'] as const).map((program) => ({ program, version: etcd })),
    { program: 'coredns', version: versionOf(references, /\/coredns:v?(\d+\.\d+\.\d+)/) },
    { program: 'flanneld', version: flannelVersion },
    { program: 'cni-flannel', version: flannelPluginVersion },
    ...(['cni-bridge', 'cni-host-local', 'cni-loopback', 'cni-portmap'] as const).map((program) => ({
      program,
      version: cniPluginsVersion,
    })),
  ];
}

function versionOf(references: readonly string[], pattern: RegExp): string {
  const found = references.map((each) => pattern.exec(each)?.[1]).find((each) => each !== undefined);
  if (!found) throw new Error(`no image fits ${pattern} among ${references.join(', ')}`);
  return found;
}

function kubernetesImage(
  reference: string,
  programs: ReadonlyMap<NodePart, string>,
  userland: string,
  pause: string,
): Image {
  const name = /([^/:]+):[^/]*$/.exec(reference)?.[1];
  const inBin = (program: NodePart) => ({ from: pathIn(programs, program), to: `/usr/local/bin/${program}` });
  switch (name) {
    case 'kube-apiserver':
    case 'kube-controller-manager':
    case 'kube-scheduler':
      return { reference, layers: [filesLayer(inBin(name))] };
    case 'kube-proxy':
      return {
        reference,
        layers: [{ kind: 'tar', path: userland, root: 'userland' }, filesLayer(inBin(name))],
      };
    case 'etcd':
      return { reference, layers: [filesLayer(inBin('etcd'), inBin('etcdctl'), inBin('etcdutl'))] };
    case 'coredns':
      return {
        reference,
        layers: [filesLayer({ from: pathIn(programs, 'coredns'), to: '/coredns' })],
        entrypoint: ['/coredns'],
      };
    case 'pause':
      return { reference, layers: [filesLayer({ from: pause, to: '/pause' })], entrypoint: ['/pause'] };
    default:
      throw new Error(`kubeadm asks for an image that is not known here: ${reference}`);
  }
}

function flannelImages(
  manifest: string,
  programs: ReadonlyMap<NodePart, string>,
  userland: string,
): readonly Image[] {
  const named = (pattern: RegExp) => pattern.exec(manifest)?.[1] ?? '';
  const base: Layer = { kind: 'tar', path: userland, root: 'userland' };
  return [
    {
      reference: named(/image: (\S+\/flannel:\S+)/),
      layers: [base, filesLayer({ from: pathIn(programs, 'flanneld'), to: '/opt/bin/flanneld' })],
      entrypoint: ['/opt/bin/flanneld'],
    },
    {
      reference: named(/image: (\S+\/flannel-cni-plugin:\S+)/),
      layers: [base, filesLayer({ from: pathIn(programs, 'cni-flannel'), to: '/flannel' })],
    },
  ];
}

/** The manifest that flannel's own module has. */
async function flannelManifest(cwd: string, signal: AbortSignal): Promise<string> {
  const args = ['mod', 'download', '-json', `github.com/flannel-io/flannel@v${flannelVersion}`];
  const { Dir } = JSON.parse(await runCommand('go', args, { cwd, env: process.env, signal })) as {
    Dir: string;
  };
  return readFileSync(join(Dir, 'Documentation', 'kube-flannel.yml'), 'utf8');
}

async function buildOwn(workDir: string, { progress, signal }: BundleOptions) {
  return inStep(progress, 'compile pause and hello', async () => {
    const build = async (name: string) => {
      const out = join(workDir, name);
      const source = fileURLToPath(new URL(`go/${name}/main.go`, import.meta.url));
      const env = { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'off', GOWORK: 'off' };
      await runCommand('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', out, source], {
        cwd: workDir,
        env,
        signal,
      });
      return out;
    };
    return { pause: await build('pause'), hello: await build('hello') };
  });
}

function filesLayer(...files: readonly LayerFile[]): Layer {
  return { kind: 'files', files };
}

function pathIn(programs: ReadonlyMap<NodePart, string>, program: NodePart): string {
  const path = programs.get(program);
  if (!path) throw new Error(`${program} was not built`);
  return path;
}

/** A second name instead of a copy where the file system allows it: nobody writes into either. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
    chmodSync(to, 0o755);
  }
}

function fileNameOf(reference: string): string {
  return `${reference.replaceAll(/[/:]/g, '_')}.tar`;
}
