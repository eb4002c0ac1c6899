import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError } from '../base/index.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a living holder. */
  readonly waitMs: number;
  /** Called once when somebody else holds it. */
  readonly onWait?: (holder: ProcessIdentity) => void;
}

const pollMs = 100;

/**
 * Keeps two processes from doing the same thing at once. A lock whose holder has died is taken over.
 *
 * *Guarantees*: one holder at a time on one machine, also after a crash, since the holder is told by pid and start time.
 * *Assumes*: a local file system, where `link` fails if the name exists.
 * @throws HansaError Locked, when a living process keeps it longer than `waitMs`
 */
export async function takeLock(path: string, { signal, waitMs, onWait }: LockOptions): Promise<Disposable> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const mine = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  writeFileSync(mine, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
  const giveUpAt = performance.now() + waitMs;
  let told = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (tryLink(mine, path)) break;
      const holder = readHolder(path);
      if (holder === 'gone') continue;
      if (holder === 'unreadable' || !isRunning(holder)) {
        breakLock(path, mine, holder);
        continue;
      }
      if (!told) onWait?.(holder);
      told = true;
      if (performance.now() > giveUpAt) {
        throw new HansaError(
          `process ${holder.pid} is still at work here (lock ${path}): wait until it has finished, or end it`,
          { reason: 'Locked', retry: 'backoff' },
        );
      }
      await sleep(pollMs, undefined, signal ? { signal } : {});
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** A link appears with its content in it, so no reader ever sees a half-written lock. */
function tryLink(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

type Holder = ProcessIdentity | 'gone' | 'unreadable';

function readHolder(path: string): Holder {
  try {
    const { pid, start } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessIdentity>;
    return typeof pid === 'number' && typeof start === 'string' ? { pid, start } : 'unreadable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unreadable';
  }
}

/**
 * Removes the lock of a dead holder, which several waiters may have seen to be dead. Only who holds the right to break
 * removes it, so between the second look and the removal nobody can have put a living lock in its place.
 */
function breakLock(path: string, mine: string, expected: Holder): void {
  const right = `${path}.break`;
  if (!tryLink(mine, right)) {
    const breaker = readHolder(right);
    // One who died at it is cleared away for the next round.
    if (breaker !== 'gone' && (breaker === 'unreadable' || !isRunning(breaker)))
      rmSync(right, { force: true });
    return;
  }
  try {
    if (JSON.stringify(readHolder(path)) === JSON.stringify(expected)) rmSync(path, { force: true });
  } finally {
    rmSync(right, { force: true });
  }
}
