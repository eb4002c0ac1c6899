import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Progress } from '../../src/base/index.ts';
import { runCommand } from '../../src/sandbox/run-command.ts';
import { inStep } from './in-step.ts';

export function hasProgram(name: string): boolean {
  // Root's programs are not on everyone's PATH.
  const dirs = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(Boolean);
  return dirs.some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why Debian packages can't be installed here; undefined if they can. */
export function whyNoPackages(): string | undefined {
  if (!hasProgram('apt-get')) return 'this is no Debian or Ubuntu, so it is not installed by itself';
  if (process.getuid?.() !== 0) return 'only root can install it';
  return undefined;
}

/** @throws HansaError CommandFailed */
export async function installPackages(
  packages: readonly string[],
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<void> {
  const tool = { cwd: '/', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, signal };
  await inStep(progress, `install ${packages.join(', ')}`, async () => {
    await runCommand('apt-get', ['update', '--quiet'], tool);
    await runCommand(
      'apt-get',
      ['install', '--yes', '--quiet', '--no-install-recommends', ...packages],
      tool,
    );
  });
}
