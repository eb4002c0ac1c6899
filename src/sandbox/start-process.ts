import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError, messageOf } from '../base/index.ts';
import { identityOf, isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';

export interface StartProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly logPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export interface StartedProcess {
  readonly identity: ProcessIdentity;
  readonly child: ChildProcess;
  /** Set as soon as the process has ended. */
  readonly ended: AbortSignal;
}

/**
 * Starts a program in a session of its own with its output in a log file. A Ctrl-C in the terminal does not reach it,
 * so that it is always ended in order, by us. `onStarted` runs before anything else can, to write the process down.
 * @throws HansaError CannotStart
 */
export async function startProcess(
  { command, args, logPath, env, cwd }: StartProcessOptions,
  onStarted: (identity: ProcessIdentity) => void,
): Promise<StartedProcess> {
  mkdirSync(dirname(logPath), { recursive: true, mode: 0o700 });
  const log = openSync(logPath, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env, cwd });
  } finally {
    closeSync(log);
  }
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [unknown];
    throw new HansaError(`cannot start ${command}: ${messageOf(error)}`, {
      reason: 'CannotStart',
      retry: 'never',
      cause: error,
    });
  }
  const identity = identityOf(child.pid) ?? { pid: child.pid, start: 'ended' };
  onStarted(identity);
  const ending = new AbortController();
  child.once('exit', () => ending.abort());
  child.on('error', () => ending.abort());
  child.unref();
  return { identity, child, ended: ending.signal };
}

/**
 * Ends exactly the given processes: asks those in `graceMs` first (0 = no asking), then kills, and waits until they are gone.
 * @throws HansaError CannotStop if one survives even that
 */
export async function stopProcesses(
  processes: readonly ProcessIdentity[],
  { graceMs }: { readonly graceMs: number },
): Promise<void> {
  let left = processes.filter(isRunning);
  if (graceMs > 0) {
    for (const each of left) {
      signalProcess(each, 'SIGTERM');
      // A stopped process handles no SIGTERM before it goes on.
      signalProcess(each, 'SIGCONT');
    }
    left = await waitUntilGone(left, graceMs);
  }
  for (const each of left) signalProcess(each, 'SIGKILL');
  left = await waitUntilGone(left, killWaitMs);
  if (left.length > 0) {
    throw new HansaError(
      `process ${left.map(({ pid }) => pid).join(', ')} did not end when killed: end it by hand`,
      {
        reason: 'CannotStop',
      },
    );
  }
}

const killWaitMs = 10_000;
const goneCheckMs = 10;

async function waitUntilGone(
  processes: readonly ProcessIdentity[],
  limitMs: number,
): Promise<ProcessIdentity[]> {
  const giveUpAt = performance.now() + limitMs;
  let left = processes.filter(isRunning);
  while (left.length > 0 && performance.now() < giveUpAt) {
    await sleep(goneCheckMs);
    left = left.filter(isRunning);
  }
  return left;
}

/** The last lines of a log, for an error message. */
export function tailOf(logPath: string, lines = 5): string {
  try {
    return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
