import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { HansaError, messageOf } from '../base/index.ts';
import { identityOf } from './process-identity.ts';
import { startWatchdog } from './watchdog.ts';

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Each line of its error output, where tools tell their progress. */
  readonly onLine?: (line: string) => void;
}

const keptLines = 20;

/**
 * Runs a tool to its end and returns its standard output. An abort ends it together with all it has started; should
 * we be killed, a watchdog ends it.
 * @throws HansaError CommandMissing, CommandFailed with the last lines it wrote; or the signal's reason
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  { cwd, env, signal, onLine }: CommandOptions,
): Promise<string> {
  signal.throwIfAborted();
  // A group of its own, so that it can be ended as a whole, and a Ctrl-C reaches it through us only.
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  using watchdog = startWatchdog();
  const identity = child.pid === undefined ? undefined : identityOf(child.pid);
  if (identity) watchdog.guard(identity);
  const endGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself in this moment.
    }
  };
  signal.addEventListener('abort', endGroup, { once: true });
  const output: Buffer[] = [];
  const lines: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    onLine?.(line);
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (code === 0) return Buffer.concat(output).toString('utf8');
    throw new HansaError(
      `"${command} ${args.join(' ')}" ended with code ${code}${lines.length > 0 ? `:\n${lines.join('\n')}` : ''}`,
      { reason: 'CommandFailed' },
    );
  } catch (error) {
    if (signal.aborted || error instanceof HansaError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new HansaError(`cannot run ${command}: ${messageOf(error)}`, {
      reason: isMissing ? 'CommandMissing' : 'CommandFailed',
      retry: 'never',
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', endGroup);
  }
}
