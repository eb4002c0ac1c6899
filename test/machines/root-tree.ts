import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HansaError, type Progress } from '../../src/base/index.ts';
import { takeLock } from '../../src/sandbox/lock.ts';
import { runCommand } from '../../src/sandbox/run-command.ts';
import { inStep } from './in-step.ts';
import { hasProgram, installPackages, whyNoPackages } from './install-packages.ts';
import { machinesDir } from './places.ts';
import { pruneOld } from './prune.ts';

export interface RootTree {
  /** Changes with everything it is made from. */
  readonly id: string;
  /** The whole tree of a machine, as a tar. */
  readonly path: string;
  /** What kube-proxy and flannel run on, as a tar whose names begin with `userland/`. */
  readonly userlandPath: string;
  /** containerd, its shim, ctr and runc, as a tar whose names begin with `runtime/`. */
  readonly runtimePath: string;
}

const sourceDir = fileURLToPath(new URL('image', import.meta.url));
const leftOut = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];

/**
 * Makes the Debian tree that machines are made from, once.
 *
 * *Caveats*: about 1 minute, mostly the download of 90 MB of packages; 360 MB are kept.
 * @throws HansaError MachineImageImpossible, CommandFailed
 */
export async function ensureRootTree(options: {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}): Promise<RootTree> {
  const { progress, signal } = options;
  const id = treeId();
  const dir = join(machinesDir(), 'trees', id);
  const tree = {
    id,
    path: join(dir, 'root.tar'),
    userlandPath: join(dir, 'userland.tar'),
    runtimePath: join(dir, 'runtime.tar'),
  };
  if (existsSync(dir)) return tree;
  using _lock = await takeLock(join(machinesDir(), 'tree.lock'), { signal, waitMs: 30 * 60_000 });
  if (existsSync(dir)) return tree;
  if (!hasProgram('mmdebstrap')) {
    const hindrance = whyNoPackages();
    if (hindrance) {
      throw new HansaError(
        `no machine image can be made: mmdebstrap is missing, and ${hindrance}: install it`,
        {
          reason: 'MachineImageImpossible',
          retry: 'never',
        },
      );
    }
    await installPackages(['mmdebstrap', 'debian-archive-keyring'], options);
  }
  const unfinished = `${dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await inStep(progress, 'make the Debian tree of a machine', async (step) => {
    const onLine = (line: string) => step.update(line.replace(/^I: /, '').slice(0, 60));
    await runCommand('mmdebstrap', treeArguments(unfinished), { cwd: '/', env: process.env, signal, onLine });
  });
  renameSync(unfinished, dir);
  pruneOld(dirname(dir), id, Date.now());
  return tree;
}

function treeArguments(outDir: string): string[] {
  const inTree = '/machine-image';
  const files = readdirSync(sourceDir).map((name) => join(sourceDir, name));
  return [
    '--variant=minbase',
    '--components=main',
    `--include=${packages().join(',')}`,
    ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--customize-hook=mkdir "$1${inTree}"`,
    `--customize-hook=copy-in ${files.map(quoted).join(' ')} ${inTree}`,
    `--customize-hook=chroot "$1" sh ${inTree}/customize.sh`,
    `--customize-hook=tar-out /userland ${quoted(join(outDir, 'userland.tar'))}`,
    `--customize-hook=tar-out /runtime ${quoted(join(outDir, 'runtime.tar'))}`,
    `--customize-hook=rm -rf "$1/userland" "$1/runtime" "$1${inTree}"`,
    'bookworm',
    join(outDir, 'root.tar'),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function packages(): string[] {
  const text = readFileSync(join(sourceDir, 'packages.txt'), 'utf8');
  return text.split('\n').filter((line) => line && !line.startsWith('#'));
}

function treeId(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(sourceDir).toSorted())
    hash.update(name).update(readFileSync(join(sourceDir, name)));
  return hash.update(leftOut.join()).digest('hex').slice(0, 12);
}
