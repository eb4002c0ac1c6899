import { execa } from 'execa';
import { HansaError } from '../../base/index.ts';

/** The release that Hansa is tried with, and the oldest that knows the node images of the Kubernetes versions it makes. */
export const knownKind = { tried: '0.30.0', oldest: '0.27.0' } as const;

export interface ToolOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
  /** Each line that the program says on standard error. */
  readonly onLine?: (line: string) => void;
}

export interface ToolEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The two programs that a kind cluster needs, run on this machine. */
export interface KindTools {
  /** @throws HansaError DockerMissing, ToolTimeout */
  docker(args: readonly string[], options: ToolOptions): Promise<ToolEnd>;
  /** @throws HansaError KindMissing, ToolTimeout */
  kind(args: readonly string[], options: ToolOptions): Promise<ToolEnd>;
  /** A sentence that says why kind can't be run, and what to do; undefined: it can. */
  kindLack(signal: AbortSignal): Promise<string | undefined>;
}

const waysToKind = `install kind ${knownKind.tried} ("go install sigs.k8s.io/kind@v${knownKind.tried}", or see kind.sigs.k8s.io), or set HANSA_KIND to one`;
const noDocker = 'there is no program docker in PATH: install Docker and start its engine';
const endGraceMs = 10_000;

/** kind is HANSA_KIND, else the one in PATH; docker is the one in PATH, which kind takes too. */
export function openKindTools(env: Readonly<Record<string, string | undefined>> = process.env): KindTools {
  const kindPath = env['HANSA_KIND'] || 'kind';
  return {
    async docker(args, options) {
      const end = await runTool('docker', args, env, options);
      if (end === undefined) throw new HansaError(noDocker, { reason: 'DockerMissing', retry: 'never' });
      if (
        end.code !== 0 &&
        /Cannot connect to the Docker daemon|permission denied.*docker/i.test(end.stderr)
      ) {
        throw new HansaError(
          `the Docker engine does not answer: start it, or set DOCKER_HOST to one that runs (${end.stderr.trim()})`,
          { reason: 'DockerMissing', retry: 'never' },
        );
      }
      return end;
    },
    async kind(args, options) {
      const end = await runTool(kindPath, args, env, options);
      if (end) return end;
      throw new HansaError(lackOf(env), { reason: 'KindMissing', retry: 'never' });
    },
    async kindLack(signal) {
      const end = await runTool(kindPath, ['version'], env, { signal, timeoutMs: 20_000 });
      if (!end) return lackOf(env);
      const version = /v(\d+\.\d+\.\d+)/.exec(end.stdout)?.[1];
      if (end.code !== 0 || version === undefined)
        return `${kindPath} does not answer as kind does: ${waysToKind}`;
      return isOlder(version, knownKind.oldest)
        ? `kind ${version} is too old for this Hansa, which needs ${knownKind.oldest}: ${waysToKind}`
        : undefined;
    },
  };
}

function lackOf({ HANSA_KIND: given }: Readonly<Record<string, string | undefined>>): string {
  return given
    ? `HANSA_KIND names ${given}, which can't be run: ${waysToKind}`
    : `there is no program kind in PATH: ${waysToKind}`;
}

/** undefined: there is no such program. */
async function runTool(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { input, timeoutMs = 120_000, signal, onLine }: ToolOptions,
): Promise<ToolEnd | undefined> {
  signal.throwIfAborted();
  const running = execa(command, args, {
    env: { ...env },
    extendEnv: false,
    input: input ?? '',
    timeout: timeoutMs,
    forceKillAfterDelay: endGraceMs,
    stripFinalNewline: false,
    reject: false,
    cancelSignal: signal,
    // Without a terminal, kind says a line for each thing it does.
    ...(onLine && { buffer: true }),
  });
  if (onLine) {
    for await (const line of running.iterable({ from: 'stderr' })) onLine(line);
  }
  const result = await running;
  signal.throwIfAborted();
  if (result.timedOut) {
    throw new HansaError(
      `"${command} ${args[0] ?? ''}" took longer than ${Math.round(timeoutMs / 1000)} s and was ended`,
      { reason: 'ToolTimeout' },
    );
  }
  if (result.code === 'ENOENT' || result.code === 'EACCES') return undefined;
  return { code: result.exitCode ?? 1, stdout: result.stdout, stderr: result.stderr };
}

function isOlder(version: string, than: string): boolean {
  const [own, other] = [version, than].map((text) => text.split('.').map(Number));
  for (const [index, part] of (other ?? []).entries()) {
    const difference = (own?.[index] ?? 0) - part;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
