import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import { type Clock, HansaError, messageOf } from '../../../base/index.ts';

const connectLimitMs = 10_000;
const firstByteLimitMs = 30_000;
/** A download may take as long as it likes, but not stand still. */
const stallLimitMs = 30_000;
const maxRedirects = 5;
/** Breaks in a row without a byte more. */
const mostBreaks = 5;
const retryDelayMs = 1_000;

export interface Ask {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WantedFile extends Ask {
  readonly url: string;
  /** Where it shall be. */
  readonly path: string;
  /** Hex. */
  readonly sha256: string;
  readonly mode: number;
  /** Bytes that came in this call; what was there before counts too. */
  readonly onBytes?: (bytes: number) => void;
}

export type Answer = Dispatcher.ResponseData;

/** Reads from web servers. Proxies are taken from the usual variables. */
export interface HttpSource extends AsyncDisposable {
  /** Any answer; throws only where there is none. @throws HansaError SiteUnreachable */
  get(url: string, ask?: Ask): Promise<Answer>;
  /** @throws HansaError SiteUnreachable, NotPublished, SiteRefused, FileTooLarge */
  bytes(url: string, maxBytes: number, ask?: Ask): Promise<Buffer>;
  /** Goes on where a broken download stopped, in an earlier run too. @throws HansaError ChecksumMismatch and as `bytes` */
  file(wanted: WantedFile): Promise<void>;
}

export function createHttpSource(clock: Clock): HttpSource {
  const agent = new EnvHttpProxyAgent({ connect: { timeout: connectLimitMs }, bodyTimeout: stallLimitMs });
  // Over to another host, it takes no credentials along.
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));
  const get = async (url: string, { signal, headers = {} }: Ask = {}): Promise<Answer> => {
    try {
      return await request(url, {
        dispatcher,
        headersTimeout: firstByteLimitMs,
        headers: { 'user-agent': 'hansa', ...headers },
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      throw unreachable(url, error, signal);
    }
  };
  const inFlight = new Map<string, Promise<void>>();
  return {
    get,
    bytes: async (url, maxBytes, ask = {}) =>
      readAll(url, expectOk(url, await get(url, ask)), maxBytes, ask.signal),
    file: (wanted) => {
      // Images share layers: whoever comes second waits for the first.
      const before = inFlight.get(wanted.path) ?? Promise.resolve();
      const turn = before.catch(() => undefined).then(() => download(get, wanted, clock));
      inFlight.set(wanted.path, turn);
      return turn;
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

/** @throws HansaError NotPublished, SiteRefused */
export function expectOk(url: string, answer: Answer): Answer {
  if (answer.statusCode === 200 || answer.statusCode === 206) return answer;
  void answer.body.dump().catch(() => undefined);
  throw refused(url, answer.statusCode);
}

export function refused(url: string, code: number): HansaError {
  if (code === 404) {
    return new HansaError(`there is nothing at ${url}: check the version, or the mirror's address`, {
      reason: 'NotPublished',
      retry: 'never',
    });
  }
  const isPassing = code >= 500 || code === 408 || code === 429;
  return new HansaError(`${url} answered ${code}${isPassing ? ': try again later' : ''}`, {
    reason: 'SiteRefused',
    retry: isPassing ? 'backoff' : 'never',
  });
}

export async function readAll(
  url: string,
  { body }: Answer,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > maxBytes) {
        throw new HansaError(
          `${url} answers with more than ${maxBytes} bytes: this is not what it should be`,
          {
            reason: 'FileTooLarge',
            retry: 'never',
          },
        );
      }
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw unreachable(url, error, signal);
  }
  return Buffer.concat(chunks);
}

async function download(get: HttpSource['get'], wanted: WantedFile, clock: Clock): Promise<void> {
  const { path, url, sha256, signal } = wanted;
  if ((await sizeOf(path)) !== undefined) return;
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  // What an earlier run left may have been of another file.
  let mayBeStale = (await sizeOf(part)) !== undefined;
  let breaks = 0;
  let best = 0;
  for (;;) {
    try {
      const actual = await goOn(get, wanted, part);
      if (actual === sha256) break;
      await rm(part, { force: true });
      if (!mayBeStale) throw mismatch(url, sha256, actual);
      mayBeStale = false;
    } catch (error) {
      if (!isPassing(error)) throw error;
      const have = (await sizeOf(part)) ?? 0;
      breaks = have > best ? 1 : breaks + 1;
      best = Math.max(best, have);
      if (breaks > mostBreaks) throw error;
      await clock.sleep(retryDelayMs * breaks, signal);
    }
  }
  await rename(part, path);
}

/** Loads what is missing; gives the hash of all of it. */
async function goOn(get: HttpSource['get'], wanted: WantedFile, part: string): Promise<string> {
  const { url, headers, signal, mode, onBytes } = wanted;
  const have = (await sizeOf(part)) ?? 0;
  const range = have > 0 ? { range: `bytes=${have}-` } : undefined;
  const answer = await get(url, { signal, headers: { ...headers, ...range } });
  const hash = createHash('sha256');
  // 416: there is no more of it, so it may be whole.
  if (have > 0 && answer.statusCode === 416) {
    await answer.body.dump();
    await hashFile(hash, part, onBytes);
    return hash.digest('hex');
  }
  expectOk(url, answer);
  const isContinued = have > 0 && answer.statusCode === 206;
  if (isContinued) await hashFile(hash, part, onBytes);
  try {
    await pipeline(
      answer.body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          onBytes?.(chunk.length);
          yield chunk;
        }
      },
      createWriteStream(part, { flags: isContinued ? 'a' : 'w', mode }),
      signal ? { signal } : {},
    );
  } catch (error) {
    throw unreachable(url, error, signal);
  }
  return hash.digest('hex');
}

async function hashFile(hash: Hash, path: string, onBytes?: (bytes: number) => void): Promise<void> {
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    onBytes?.((chunk as Buffer).length);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof HansaError && error.retry !== 'never' && error.reason !== 'Cancelled';
}

function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function unreachable(url: string, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof HansaError) return cause;
  if (isDiskFull(cause)) {
    return new HansaError('the disk is full: free some, or keep downloads elsewhere with --cache', {
      reason: 'DiskFull',
      retry: 'never',
      cause,
    });
  }
  return new HansaError(
    `cannot load ${url}: ${messageOf(cause)}; see that this machine may reach it, or name a mirror with --mirror`,
    { reason: 'SiteUnreachable', cause },
  );
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}

function mismatch(url: string, expected: string, actual: string): HansaError {
  return new HansaError(
    `the file at ${url} is not what its publisher says it is (sha256:${actual} instead of sha256:${expected}): try again; if it stays so, something on the way changes it`,
    { reason: 'ChecksumMismatch', retry: 'never' },
  );
}
