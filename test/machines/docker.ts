import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { HansaError, type Progress } from '../../src/base/index.ts';
import { takeLock } from '../../src/sandbox/lock.ts';
import { isRunning, type ProcessIdentity } from '../../src/sandbox/process-identity.ts';
import { startProcess, stopProcesses, tailOf } from '../../src/sandbox/start-process.ts';
import { writeAtomically } from '../../src/sandbox/write-atomically.ts';
import { inStep } from './in-step.ts';
import { hasProgram, installPackages, whyNoPackages } from './install-packages.ts';
import { machinesDir } from './places.ts';

export interface DockerOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A Docker engine that answers. Disposed of, it ends the engine if that was started here and holds no container any more. */
export interface Docker extends AsyncDisposable {
  /** Environment under which any `docker` finds this engine. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Runs `docker` to its end and gives its output, trimmed.
   * @throws HansaError DockerFailed
   */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
}

const commandTimeoutMs = 120_000;

/**
 * Makes Docker usable.
 *
 * *Flow*: the engine that answers; else the one an earlier run of ours started; else, as root on Debian, its packages
 * are installed and an engine of our own is started, with its data in Hansa's cache directory.
 * @throws HansaError DockerMissing, with one line that says what is missing
 */
export async function ensureDocker({ progress, signal }: DockerOptions): Promise<Docker> {
  const theirs = dockerAt({});
  if (await answers(theirs)) return theirs;
  const dir = join(machinesDir(), 'docker');
  using _lock = await takeLock(join(machinesDir(), 'docker.lock'), { signal, waitMs: 10 * 60_000 });
  const ours = dockerAt({ DOCKER_HOST: `unix://${socketPath}` }, () => stopOurEngine(dir, ours));
  if (await answers(ours)) return ours;
  if (process.getuid?.() !== 0) {
    throw dockerMissing('no Docker engine answers, and only root can start one');
  }
  if (!hasProgram('dockerd')) {
    const hindrance = whyNoPackages();
    if (hindrance) throw dockerMissing(`no Docker engine answers, and ${hindrance}`);
    await installPackages(['docker.io'], { progress, signal });
    // Newer Debians have the command in a package of its own.
    if (!hasProgram('docker')) await installPackages(['docker-cli'], { progress, signal });
    // Where there is an init system, the package has started the engine.
    if (await answers(theirs)) return theirs;
  }
  await inStep(progress, 'start a Docker engine', () => startOurEngine(dir, ours, signal));
  return ours;
}

function dockerMissing(because: string, cause?: unknown): HansaError {
  return new HansaError(
    `no machines can be started: ${because}: install Docker and start it, then try again`,
    {
      reason: 'DockerMissing',
      retry: 'never',
      cause,
    },
  );
}

function dockerAt(
  env: Readonly<Record<string, string>>,
  dispose: () => Promise<void> = async () => {},
): Docker {
  return {
    env,
    async run(args, { input, timeoutMs = commandTimeoutMs, signal } = {}) {
      const result = await execa('docker', args, {
        env: { ...env, DOCKER_BUILDKIT: '0' },
        timeout: timeoutMs,
        reject: false,
        ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
        ...(signal ? { cancelSignal: signal } : {}),
      });
      signal?.throwIfAborted();
      if (!result.failed) return result.stdout;
      const said = `${result.stdout}\n${result.stderr}`.trim() || result.shortMessage;
      throw new HansaError(`"docker ${args.slice(0, 2).join(' ')} …" failed: ${said}`, {
        reason: 'DockerFailed',
      });
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function answers(docker: Docker): Promise<boolean> {
  try {
    await docker.run(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** Socket paths have a length limit that a cache directory may exceed. */
const runDir = '/run/hansa-docker';
const socketPath = `${runDir}/docker.sock`;
const startTimeoutMs = 60_000;

async function startOurEngine(dir: string, docker: Docker, signal: AbortSignal): Promise<void> {
  const logPath = join(dir, 'dockerd.log');
  rmSync(socketPath, { force: true });
  const started = await startProcess(
    {
      command: 'dockerd',
      args: [
        '--data-root',
        join(dir, 'data'),
        '--exec-root',
        join(runDir, 'exec'),
        '--pidfile',
        join(runDir, 'docker.pid'),
        '--host',
        `unix://${socketPath}`,
      ],
      logPath,
      env: process.env,
      cwd: '/',
    },
    (identity) => writeAtomically(join(dir, 'engine.json'), JSON.stringify(identity)),
  );
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!(await answers(docker))) {
    signal.throwIfAborted();
    if (started.ended.aborted || performance.now() > giveUpAt) {
      await stopProcesses([started.identity], { graceMs: 5_000 });
      throw dockerMissing(`the Docker engine did not start:\n${tailOf(logPath)}\n`);
    }
    await sleep(200);
  }
}

/** Others may have machines on it: whoever removes the last one ends it. */
async function stopOurEngine(dir: string, docker: Docker): Promise<void> {
  using _lock = await takeLock(join(machinesDir(), 'docker.lock'), { waitMs: 60_000 });
  const record = join(dir, 'engine.json');
  if (!existsSync(record)) return;
  const identity = JSON.parse(readFileSync(record, 'utf8')) as ProcessIdentity;
  if (!isRunning(identity)) return;
  if ((await docker.run(['ps', '--all', '--quiet'])) !== '') return;
  await stopProcesses([identity], { graceMs: 20_000 });
  rmSync(record, { force: true });
}
