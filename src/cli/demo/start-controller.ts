import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError } from '../../base/index.ts';

export interface ControllerSource {
  /** This CLI's own file. */
  readonly cliPath: string;
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly logPath: string;
  /** Further arguments. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
}

/** `hansa controller` as a process of its own. Disposing of it ends it in order. */
export interface RunningController extends AsyncDisposable {
  /** Where it serves /healthz, /readyz and /metrics. */
  readonly address: string;
  readonly logPath: string;
  /** Resolves with a sentence when it has ended without being asked to. */
  readonly ended: Promise<string>;
}

/**
 * Ends the controller when the demo is gone, however that happened: the kernel closes the channel between the two
 * even at a `kill -9`. The channel keeps nothing alive by itself.
 */
const dieWithParent = "process.once('disconnect', () => process.exit(1)); process.channel?.unref();";

const readyLimitMs = 60_000;
const readyPauseMs = 50;
const probeLimitMs = 2_000;
/** Its work is handed to nobody, so a controller that hangs on a lost API server needn't be waited for. */
const stopGraceMs = 2_000;

/**
 * Starts the control plane just as a user would, and waits until it is ready.
 *
 * *Guarantees*: it never outlives this process; after an error here it has ended.
 * @throws HansaError ControllerEnded, NotReady; or the signal's reason
 */
export async function startController(source: ControllerSource): Promise<RunningController> {
  const { logPath, signal } = source;
  const child = spawnController(source);
  let stopping = false;
  const gone = once(child, 'exit');
  const ended = gone.then(([code, name]) =>
    stopping ? new Promise<string>(() => {}) : endSentence(String(name ?? code), logPath),
  );
  const stop = async () => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await Promise.race([gone, sleep(stopGraceMs, undefined, { ref: false })]);
    child.kill('SIGKILL');
    await gone;
  };
  try {
    const address = await Promise.race([
      waitUntilReady(logPath, signal),
      ended.then((sentence) => {
        throw new HansaError(sentence, { reason: 'ControllerEnded', retry: 'never' });
      }),
    ]);
    return { address, logPath, ended, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function spawnController({
  cliPath,
  kubeconfigPath,
  context,
  logPath,
  args: more,
}: ControllerSource): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  const args = ['controller', '--kubeconfig', kubeconfigPath, '--context', context];
  args.push('--listen', '127.0.0.1:0');
  // A demo's members may be stopped to see what happens, and nobody wants to wait half a minute for it.
  args.push('--health-period', '1s', '--health-timeout', '1s', ...more);
  try {
    return fork(cliPath, args, {
      execArgv: [
        ...process.execArgv,
        '--import',
        `data:text/javascript,${encodeURIComponent(dieWithParent)}`,
      ],
      // Its own session, so that a Ctrl-C in the terminal leaves the order of the end to us.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: withoutHansaVariables(process.env),
    });
  } finally {
    closeSync(log);
  }
}

/** Variables of the user's for another controller would change this one. */
function withoutHansaVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HANSA_')));
}

async function waitUntilReady(logPath: string, signal: AbortSignal): Promise<string> {
  const giveUpAt = performance.now() + readyLimitMs;
  for (;;) {
    // It chose a free port itself and tells it in its log.
    const port = logLines(logPath).find(({ msg }) => msg === 'listening')?.port;
    const address = `http://127.0.0.1:${port}`;
    if (port !== undefined && (await isReadyAt(address, signal))) return address;
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) {
      throw new HansaError(`the controller is not ready after ${readyLimitMs / 1000} s: see ${logPath}`, {
        reason: 'NotReady',
      });
    }
    await sleep(readyPauseMs, undefined, { signal });
  }
}

async function isReadyAt(address: string, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(probeLimitMs)]);
  try {
    const { ok } = await fetch(`${address}/readyz`, { signal: limit });
    return ok;
  } catch {
    return false;
  }
}

interface LogLine {
  readonly level?: string;
  readonly msg?: string;
  readonly port?: number;
}

function logLines(logPath: string): readonly LogLine[] {
  return readFileSync(logPath, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        // Half a line, or what Node itself printed.
        return [];
      }
    });
}

function endSentence(how: string, logPath: string): string {
  const tail = readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  return `the controller ended by itself (${how}); the end of its log:\n${tail}`;
}
