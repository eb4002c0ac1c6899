import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import { HansaError, messageOf, type ProgressStep } from '../base/index.ts';
import { checksumIn, type ReleaseFile } from './release-sites.ts';

/** A network that lets nothing out often answers nothing at all, and there is another way to get the programs. */
const connectLimitMs = 3_000;
const firstByteLimitMs = 15_000;
/** The checksum is asked for first and is small, so this is how long a network that swallows everything costs. */
const checksumLimitMs = 4_000;
/** A download may take as long as it likes, but not stand still. */
const stallLimitMs = 30_000;
const maxRedirects = 5;
const progressIntervalMs = 200;

interface Downloaded {
  /** The program itself. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface Downloader extends AsyncDisposable {
  /**
   * Fetches a published file into `dir`, checks it, and unpacks it if need be.
   * @throws HansaError NotPublished, SiteUnreachable, ChecksumMismatch
   */
  fetch(file: ReleaseFile, dir: string, step: ProgressStep, signal: AbortSignal): Promise<Downloaded>;
}

/** Downloads with short patience; proxies are taken from the usual variables. */
export function createDownloader(): Downloader {
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: connectLimitMs },
    bodyTimeout: stallLimitMs,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));
  return {
    fetch: async (file, dir, step, signal) => {
      step.update('asking for its checksum');
      const expected = checksumIn(await readText(dispatcher, file.checksumUrl, signal), file.fileName);
      if (!expected) {
        throw new HansaError(`${file.checksumUrl} has no checksum of ${file.fileName}`, {
          reason: 'NotPublished',
          retry: 'never',
        });
      }
      const path = join(dir, file.fileName);
      const { actual, sizeBytes } = await readInto(path, dispatcher, file.url, step, signal);
      if (actual !== expected) {
        throw new HansaError(
          `the file at ${file.url} is not what its publisher says it is (sha256 ${actual} instead of ${expected}): ` +
            'try again; if it stays so, something on the way changes it',
          { reason: 'ChecksumMismatch', retry: 'never' },
        );
      }
      return { path: file.inArchive ? await unpack(path, dir, file.inArchive, signal) : path, sizeBytes };
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function readText(dispatcher: Dispatcher, url: string, signal: AbortSignal): Promise<string> {
  const { body } = await ask(dispatcher, url, signal, checksumLimitMs);
  try {
    return await body.text();
  } catch (error) {
    throw unreachable(url, error, signal);
  }
}

/** Writes what comes into the file; tells its sha256 and size. */
async function readInto(
  path: string,
  dispatcher: Dispatcher,
  url: string,
  step: ProgressStep,
  signal: AbortSignal,
): Promise<{ actual: string; sizeBytes: number }> {
  const { body, headers } = await ask(dispatcher, url, signal, firstByteLimitMs);
  const total = Number(headers['content-length']) || undefined;
  const hash = createHash('sha256');
  let received = 0;
  let toldAt = 0;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          received += chunk.length;
          const now = performance.now();
          if (now - toldAt > progressIntervalMs) {
            toldAt = now;
            step.update(sizeText(received, total));
          }
          yield chunk;
        }
      },
      createWriteStream(path, { mode: 0o755 }),
      { signal },
    );
  } catch (error) {
    throw unreachable(url, error, signal);
  }
  return { actual: hash.digest('hex'), sizeBytes: received };
}

async function ask(
  dispatcher: Dispatcher,
  url: string,
  signal: AbortSignal,
  headersTimeout: number,
): Promise<Dispatcher.ResponseData> {
  let answer: Dispatcher.ResponseData;
  try {
    answer = await request(url, {
      dispatcher,
      signal,
      headersTimeout,
      headers: { 'user-agent': 'hansa-sandbox' },
    });
  } catch (error) {
    throw unreachable(url, error, signal);
  }
  if (answer.statusCode === 200) return answer;
  await answer.body.dump();
  throw new HansaError(`${url} answered ${answer.statusCode}`, {
    reason: answer.statusCode === 404 ? 'NotPublished' : 'SiteUnreachable',
  });
}

async function unpack(archive: string, dir: string, inArchive: string, signal: AbortSignal): Promise<string> {
  // The tar of macOS opens zip files too, and only there is one published.
  await promisify(execFile)('tar', ['-xf', archive, '-C', dir, inArchive], { signal });
  return join(dir, inArchive);
}

function unreachable(url: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof HansaError) return cause;
  return new HansaError(`cannot load ${url}: ${messageOf(cause)}`, { reason: 'SiteUnreachable', cause });
}

/** `41 of 120 MB` */
export function sizeText(receivedBytes: number, totalBytes?: number): string {
  const megabytes = (bytes: number) => Math.round(bytes / 1_000_000);
  return totalBytes === undefined
    ? `${megabytes(receivedBytes)} MB`
    : `${megabytes(receivedBytes)} of ${megabytes(totalBytes)} MB`;
}
