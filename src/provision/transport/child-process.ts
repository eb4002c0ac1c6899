import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { HansaError, messageOf } from '../../base/index.ts';
import type { RemoteEnd, RemoteProcess } from './wire.ts';

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** A program on this machine, in a process group of its own, so that it can be ended with all it started. */
export function startChild(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Child {
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env });
}

/** `readEnd` tells an end that isn't the command's own by throwing. */
export function asRemoteProcess(
  child: Child,
  readEnd: (end: RemoteEnd) => RemoteEnd = (end) => end,
): RemoteProcess {
  const ended = Promise.withResolvers<RemoteEnd>();
  ended.promise.catch(() => undefined);
  child.once('error', (error) => {
    ended.reject(
      new HansaError(`${child.spawnfile} can't be started on this machine: ${messageOf(error)}`, {
        reason: 'ProgramMissing',
        retry: 'never',
        cause: error,
      }),
    );
  });
  child.once('close', (code, signal) => {
    try {
      ended.resolve(readEnd({ code: code ?? codeOf(signal), signal: signal ?? undefined }));
    } catch (error) {
      ended.reject(error);
    }
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: ended.promise,
    kill: () => killGroup(child),
  };
}

export function killGroup({ pid, exitCode, signalCode }: Child, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in between, or runs as root: then the deadline on the machine ends it.
  }
}

/** As a shell tells it. */
function codeOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal ? constants.signals[signal] : 0);
}
