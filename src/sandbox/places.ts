import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { HansaError } from '../base/index.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where programs are kept for all sandboxes: `HANSA_CACHE_DIR`, else the user's cache directory. */
export function cacheDirFor(env: Env = process.env): string {
  return resolve(env.HANSA_CACHE_DIR || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hansa'));
}

/** Where each sandbox has its directory: `HANSA_SANDBOX_DIR`, else under the user's data directory. */
export function sandboxesDirFor(env: Env = process.env): string {
  return resolve(
    env.HANSA_SANDBOX_DIR ||
      join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'hansa', 'sandboxes'),
  );
}

/** The directory of one sandbox. The name becomes part of a path, so it is checked here. */
export function sandboxDirFor(name: string, parent: string = sandboxesDirFor()): string {
  assertPlainName(name, 'sandbox');
  // Programs run in directories of their own, so a relative path would mean something else to them.
  return resolve(parent, name);
}

/** Names become file names, context names and node names, so they follow the rule of a DNS label. */
export function assertPlainName(name: string, what: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw new HansaError(
      `the ${what} name "${name}" can't be used: take at most 40 small letters, digits and dashes, ` +
        'with a letter or digit at both ends',
      { reason: 'InvalidName', retry: 'never' },
    );
  }
}
