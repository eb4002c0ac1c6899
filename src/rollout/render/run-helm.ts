import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { HansaError } from '../../base/index.ts';

/** A helm holds up to some hundred MB; more at once gain nothing on the few cores a controller has. */
const maxAtOnce = 4;
/** Above this a rendering fits into no cluster; it keeps a runaway template from filling the memory. */
const maxOutputBytes = 64 * 1024 * 1024;
const endGraceMs = 2_000;

export interface HelmCall {
  readonly helmPath: string;
  readonly args: readonly string[];
  readonly home: HelmHome;
  /** Standard input; where secrets may go. */
  readonly input?: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type HelmOutcome =
  | { readonly kind: 'done'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'failed'; readonly stderr: string }
  | { readonly kind: 'late' }
  | { readonly kind: 'too-much' };

/**
 * Runs helm once, away from everything that is the user's: own home, no plugins, no kubeconfig.
 * @throws HansaError HelmUnusable, if it can't be started; or the signal's reason
 */
export async function runHelm({
  helmPath,
  args,
  home,
  input,
  limitMs,
  signal,
}: HelmCall): Promise<HelmOutcome> {
  using _seat = await seats.take(signal);
  const result = await execa(helmPath, args, {
    cwd: home.dir,
    env: { ...home.env },
    extendEnv: false,
    input: input ?? '',
    timeout: limitMs,
    forceKillAfterDelay: endGraceMs,
    maxBuffer: maxOutputBytes,
    stripFinalNewline: false,
    reject: false,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  signal?.throwIfAborted();
  const { stdout, stderr } = result;
  if (result.timedOut) return { kind: 'late' };
  if (result.isMaxBuffer) return { kind: 'too-much' };
  if (!result.failed) return { kind: 'done', stdout, stderr };
  if (result.exitCode === undefined) {
    throw new HansaError(
      `cannot run helm at ${helmPath} (${result.originalMessage ?? result.signal ?? 'it was ended'}): ` +
        'set HANSA_HELM to a helm that works, or unset it and Hansa gets one by itself',
      { reason: 'HelmUnusable', retry: { afterMs: 60_000 } },
    );
  }
  return { kind: 'failed', stderr };
}

/** A place of its own for one call. Only this user can read it, and it is gone afterwards. */
export interface HelmHome extends AsyncDisposable {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file into it, readable by this user only; gives its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
}

/** What a proxy or a private root needs on the way out. */
const passedOn = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
const passedOnToo = ['SSL_CERT_FILE', 'SSL_CERT_DIR', 'PATH'];

export async function openHelmHome(): Promise<HelmHome> {
  // mkdtemp gives 0700.
  const dir = await mkdtemp(join(tmpdir(), 'hansa-helm-'));
  const kept = [...passedOn, ...passedOnToo].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    dir,
    env: {
      ...Object.fromEntries(kept),
      HOME: dir,
      TMPDIR: dir,
      HELM_CACHE_HOME: join(dir, 'cache'),
      HELM_CONFIG_HOME: join(dir, 'config'),
      HELM_DATA_HOME: join(dir, 'data'),
      HELM_PLUGINS: join(dir, 'plugins'),
      HELM_REGISTRY_CONFIG: join(dir, registryConfigName),
      // helm looks into Docker's own credentials when it finds none in its own.
      DOCKER_CONFIG: dir,
      KUBECONFIG: join(dir, 'no-kubeconfig'),
    },
    write: async (name, content) => {
      const path = join(dir, name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, content, { mode: 0o600 });
      return path;
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

export const registryConfigName = 'registry.json';

/** What helm says when it fails, fit for a message: without its hints, and without where our files lay. */
export function helmComplaint(stderr: string, home: HelmHome): string {
  const lines = stderr
    .replaceAll(`${home.dir}/`, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(WARNING:|level=|Use --debug|time=)/.test(line));
  const text = lines.join('; ').replace(/^Error: /, '');
  return text.length > maxComplaint ? `${text.slice(0, maxComplaint)} …` : text || 'it gave no reason';
}

/** A condition's message should be read at a glance. */
const maxComplaint = 1_000;

class Seats {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(signal: AbortSignal | undefined): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    return { [Symbol.dispose]: () => this.#giveBack() };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const come = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(come), 1);
        reject(signal?.reason as Error);
      };
      this.#waiting.push(come);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}

const seats = new Seats(maxAtOnce);
