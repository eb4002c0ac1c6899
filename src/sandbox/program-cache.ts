import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HansaError } from '../base/index.ts';
import { takeLock } from './lock.ts';
import { type Platform, platformName } from './platform.ts';
import { probeVersion } from './probe-version.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { ProgramName } from './versions.ts';

/** Building all programs on a slow machine takes about this long. */
const lockWaitMs = 60 * 60_000;

/**
 * Programs kept for all sandboxes of a user, each under its name, version and platform.
 *
 * *Guarantees*: what is found in it is whole, since a program is moved in only when it is finished and has told its
 * version. Unfinished work lies in one place beside it and is removed by the next who gets to work.
 */
export class ProgramCache {
  readonly dir: string;
  readonly #platform: Platform;

  constructor(dir: string, platform: Platform) {
    this.dir = dir;
    this.#platform = platform;
  }

  pathOf(program: ProgramName, version: string): string {
    return join(this.dir, 'bin', program, `${version}-${platformName(this.#platform)}`, program);
  }

  find(program: ProgramName, version: string): string | undefined {
    const path = this.pathOf(program, version);
    return existsSync(path) ? path : undefined;
  }

  /** Whoever gets programs works alone; `onWait` tells whom one waits for. */
  lock(signal: AbortSignal, onWait: (holder: ProcessIdentity) => void): Promise<Disposable> {
    return takeLock(join(this.dir, 'programs.lock'), { signal, waitMs: lockWaitMs, onWait });
  }

  /** An empty directory on the same file system, so that finished work can be moved in. Only under the lock. */
  openWorkshop(): Disposable & { readonly path: string } {
    const all = join(this.dir, 'unfinished');
    // Under the lock nobody else works here: what lies about was left by a crash.
    rmSync(all, { recursive: true, force: true });
    const path = join(all, randomBytes(4).toString('hex'));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return { path, [Symbol.dispose]: () => rmSync(all, { recursive: true, force: true }) };
  }

  /**
   * Takes a finished program in.
   * @throws HansaError ProgramUnusable
   */
  async add(program: ProgramName, version: string, from: string, signal: AbortSignal): Promise<void> {
    chmodSync(from, 0o755);
    if ((await probeVersion(program, from, signal)) !== version) {
      throw new HansaError(`the ${program} that was got does not run here as version ${version}`, {
        reason: 'ProgramUnusable',
        retry: 'never',
      });
    }
    const path = this.pathOf(program, version);
    mkdirSync(dirname(path), { recursive: true });
    renameSync(from, path);
  }
}
