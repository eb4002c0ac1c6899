import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readFile, rm, stat } from 'node:fs/promises';
import { type Clock, HansaError } from '../../base/index.ts';
import { lifeOf, ownMark, type ProcessMark } from './process-mark.ts';

export interface FileLockOptions {
  /** Who holds it, for whoever finds it: `anna@laptop: hansa cluster apply`. */
  readonly owner: string;
  /** What is locked, for messages: `cluster clusters/shop`. */
  readonly what: string;
  /** How long to wait for a living holder; 0: not at all. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly heartbeatMs?: number;
  /** A holder on another host that gives no sign for so long is succeeded; one on this host only when it is dead. */
  readonly staleMs?: number;
}

export interface FileLock extends AsyncDisposable {
  /** Aborts when somebody took it away; not when it is released. */
  readonly lost: AbortSignal;
  /** @throws HansaError LockLost if it is not held any more */
  assertHeld(): Promise<void>;
}

interface Holder extends ProcessMark {
  readonly token: string;
  readonly owner: string;
  readonly sinceMs: number;
}

interface Sight {
  /** No two locks ever have the same, so what was looked at can be told from what came after it. */
  readonly id: string;
  readonly holder: Holder | 'unreadable';
  /** By the clock of the holder. */
  readonly beatMs: number;
}

const pollMs = 25;

/**
 * Keeps two processes from changing the same thing. The lock is a file that tells who holds it; its time is touched as
 * a sign of life.
 *
 * *Guarantees*: one holder at a time among processes of one host, kills included, since a holder is told by pid and
 * start. A holder learns that it lost the lock at its next heartbeat, and by `assertHeld` at once.
 * *Assumes*: a file system where `link` fails if the name exists.
 * *Caveats*: a holder on another host (or in another container) can only be judged by its heartbeat; a host that is
 * frozen for longer may believe it holds the lock until it looks.
 * @throws HansaError Locked, with the owner and its age
 */
export async function takeFileLock(path: string, options: FileLockOptions): Promise<FileLock> {
  const { owner, clock, signal, waitMs } = options;
  const token = randomBytes(8).toString('hex');
  const mine = `${path}.${process.pid}-${token}`;
  const holder: Holder = { token, ...ownMark(), owner, sinceMs: clock.now() };
  // Kept open: the time of this very file is touched, whatever the name points to later.
  const file = await open(mine, 'wx', 0o600);
  const giveUpAtMs = clock.monotonic() + waitMs;
  try {
    await file.writeFile(JSON.stringify(holder));
    for (;;) {
      if (signal?.aborted) throw cancelled(options, signal);
      if (await tryLink(mine, path)) return new HeldLock({ path, file, options });
      const sight = await look(path);
      if (!sight) continue;
      if (await isAbandoned(path, sight, options)) {
        await breakLock(path, { sight, mine, options });
        await clock.sleep(1, signal);
        continue;
      }
      if (clock.monotonic() >= giveUpAtMs) throw locked(sight, options);
      await clock.sleep(pollMs, signal);
    }
  } catch (error) {
    await file.close();
    throw signal?.aborted ? cancelled(options, signal) : error;
  } finally {
    await rm(mine, { force: true });
  }
}

class HeldLock implements FileLock {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #options: FileLockOptions;
  readonly #lost = new AbortController();
  #cancelBeat: () => void = () => undefined;
  #beating: Promise<void> = Promise.resolve();
  #isReleased = false;

  constructor({
    path,
    file,
    options,
  }: { readonly path: string; readonly file: FileHandle; readonly options: FileLockOptions }) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#scheduleBeat();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async assertHeld(): Promise<void> {
    if (!this.#isReleased && !this.#lost.signal.aborted && (await this.#isOurs())) return;
    throw this.#lose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#cancelBeat();
    await this.#beating;
    if (await this.#isOurs()) await rm(this.#path, { force: true });
    await this.#file.close();
  }

  #scheduleBeat(): void {
    const { clock } = this.#options;
    this.#cancelBeat = clock.after(this.#options.heartbeatMs ?? defaults.heartbeatMs, () => {
      this.#beating = this.#beat();
    });
  }

  async #beat(): Promise<void> {
    if (!(await this.#isOurs())) {
      this.#lose();
      return;
    }
    const nowSeconds = this.#options.clock.now() / 1000;
    // A disk that is full or gone for a moment costs one beat; who took over meanwhile is noticed at the next.
    await this.#file.utimes(nowSeconds, nowSeconds).catch(() => undefined);
    if (!this.#isReleased) this.#scheduleBeat();
  }

  async #isOurs(): Promise<boolean> {
    try {
      const [named, own] = await Promise.all([stat(this.#path), this.#file.stat()]);
      return named.ino === own.ino && named.dev === own.dev;
    } catch {
      return false;
    }
  }

  #lose(): HansaError {
    const error = new HansaError(
      `the lock on ${this.#options.what} was taken by somebody else meanwhile: look at what is there before anything else is done`,
      { reason: 'LockLost', retry: 'never' },
    );
    if (!this.#lost.signal.aborted) this.#lost.abort(error);
    return error;
  }
}

const defaults = { heartbeatMs: 10_000, staleMs: 60_000 } as const;

/** A link appears with its content in it, so no reader ever sees a half-written lock. */
async function tryLink(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined: nobody holds it. */
async function look(path: string): Promise<Sight | undefined> {
  try {
    const [text, { mtimeMs, ino }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const holder = parseHolder(text);
    const id = holder === 'unreadable' ? `inode-${ino}` : holder.token;
    return { id, holder, beatMs: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | 'unreadable' {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.pid === 'number' && /^[0-9a-f]+$/.test(holder.token ?? '')
      ? (holder as Holder)
      : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

async function isAbandoned(path: string, sight: Sight, options: FileLockOptions): Promise<boolean> {
  const { holder } = sight;
  if (holder === 'unreadable') return true;
  switch (lifeOf(holder)) {
    case 'dead':
      return true;
    case 'alive':
      return false;
    case 'elsewhere':
      return isSilent(path, sight, options);
  }
}

/** The clock of the other host may be wrong, so its heartbeat is watched for a while before it counts as silent. */
async function isSilent(path: string, sight: Sight, options: FileLockOptions): Promise<boolean> {
  const { clock, signal, staleMs = defaults.staleMs, heartbeatMs = defaults.heartbeatMs } = options;
  if (clock.now() - sight.beatMs <= staleMs) return false;
  await clock.sleep(heartbeatMs * 1.5, signal);
  const later = await look(path);
  return later?.id === sight.id && later.beatMs === sight.beatMs;
}

interface BreakContext {
  readonly sight: Sight;
  /** File that tells who is at work here, to be linked. */
  readonly mine: string;
  readonly options: FileLockOptions;
}

/**
 * Removes the lock of a dead holder, which several may have seen to be dead. Only who has the right to break that very
 * lock may remove it; so between the second look and the removal nobody can have put a living one in its place.
 */
async function breakLock(path: string, context: BreakContext): Promise<void> {
  const markers = await takeRightToBreak(path, context);
  if (!markers) return;
  try {
    const now = await look(path);
    if (now?.id === context.sight.id) await rm(path, { force: true });
  } finally {
    for (const marker of markers) await rm(marker, { force: true });
  }
}

/**
 * The right is a file named after the lock that is broken. One who died with it is succeeded in the same way: by the
 * right to break theirs. Undefined: a living one has it, and will be done in no time.
 */
async function takeRightToBreak(
  path: string,
  { sight, mine, options: { clock, staleMs = defaults.staleMs } }: BreakContext,
): Promise<readonly string[] | undefined> {
  const markers: string[] = [];
  let { id } = sight;
  for (;;) {
    const marker = `${path}.break-${id}`;
    markers.push(marker);
    if (await tryLink(mine, marker)) return markers;
    const other = await look(marker);
    if (!other) return undefined;
    const life = other.holder === 'unreadable' ? 'dead' : lifeOf(other.holder);
    if (life === 'alive' || (life === 'elsewhere' && clock.now() - other.beatMs <= staleMs)) return undefined;
    id = other.id;
  }
}

function cancelled({ what }: FileLockOptions, signal: AbortSignal): HansaError {
  return new HansaError(`the wait for the lock on ${what} was cancelled`, {
    reason: 'Cancelled',
    retry: 'never',
    cause: signal.reason,
  });
}

function locked({ holder, beatMs }: Sight, { what, clock }: FileLockOptions): HansaError {
  const now = clock.now();
  const told =
    holder === 'unreadable'
      ? 'somebody'
      : `${holder.owner} (process ${holder.pid} on ${holder.place.split(' ')[0]}, for ${ageOf(now - holder.sinceMs)}, ` +
        `last sign of life ${ageOf(now - Math.max(beatMs, holder.sinceMs))} ago)`;
  return new HansaError(`${what} is being changed by ${told}: wait until that is done, or end it`, {
    reason: 'Locked',
    retry: 'backoff',
  });
}

export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
