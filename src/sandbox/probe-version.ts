import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProgramName } from './versions.ts';

const limitMs = 20_000;

const versionArguments: Readonly<Partial<Record<ProgramName, readonly string[]>>> = {
  kubectl: ['version', '--client'],
  helm: ['version', '--short'],
  kubeadm: ['version', '--output=short'],
  etcdctl: ['version'],
  etcdutl: ['version'],
  coredns: ['-version'],
};

/** Asks a program for its version, without the `v`; undefined if it can't be run or says something else. */
export async function probeVersion(
  program: ProgramName,
  path: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const args = versionArguments[program] ?? ['--version'];
  try {
    const { stdout, stderr } = await promisify(execFile)(path, args, {
      timeout: limitMs,
      ...(signal ? { signal } : {}),
      // kubectl and old helms would ask the user's cluster otherwise, when their own flags fail to keep them from it.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, KUBECONFIG: '/dev/null' },
    });
    // flanneld and CNI plugins tell it on their error output.
    return versionIn(stdout) ?? versionIn(stderr);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** The first version number in a program's answer. */
function versionIn(text: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)/.exec(text)?.[1];
}
