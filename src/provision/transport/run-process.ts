import type { Readable } from 'node:stream';
import { type Clock, HansaError } from '../../base/index.ts';
import { deadlineExceeded, reasonOf } from './failures.ts';
import { feed, type Input } from './feed.ts';
import { LineSplitter } from './lines.ts';
import type { Redactor } from './redact.ts';
import type { StartGate } from './start-gate.ts';
import type { RemoteProcess } from './wire.ts';

export interface RunOptions {
  readonly address: string;
  readonly input?: Input | undefined;
  readonly deadlineMs: number;
  /** For bytes neither way; undefined: only the deadline counts. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes: number;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Where the command goes through sudo: holds input back until it has started. */
  readonly gate: StartGate | undefined;
}

export interface Finished {
  readonly code: number;
  readonly signal: string | undefined;
  readonly stdout: Buffer;
  /** Masked. */
  readonly stderr: string;
}

/** Of stderr only the end is kept: it has the error. */
const keptStderrBytes = 256 * 1024;

/** Feeds a process, gathers what it says within its bounds, and waits for its end. */
export async function runProcess(remote: RemoteProcess, options: RunOptions): Promise<Finished> {
  const { address, gate, deadlineMs, signal, clock, redactor } = options;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const fail = (error: unknown) => failed.reject(error);

  const stdout = gatherStdout(remote.stdout, options, fail);
  const stderr = gatherStderr(remote.stderr, options);
  // The other end may stop reading whenever it likes; how it ended tells whether that was right.
  remote.stdin.on('error', () => undefined);

  const cancelDeadline = clock.after(deadlineMs, () =>
    fail(deadlineExceeded(address, 'a command', deadlineMs)),
  );
  const abort = () => signal && fail(reasonOf(signal));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  const watch = watchForStall(options, fail);

  const ended = Promise.withResolvers<void>();
  const feeding = feed(remote.stdin, options, {
    ended: ended.promise,
    onSent: () => watch.touch(),
  }).catch(fail);
  try {
    const end = await Promise.race([remote.ended, failed.promise, ...(gate ? [gate.refused] : [])]);
    ended.resolve();
    await Promise.race([feeding, failed.promise]);
    gate?.end(end.code);
    return { code: end.code, signal: end.signal, stdout: stdout(), stderr: redactor.text(stderr()) };
  } catch (error) {
    remote.kill();
    throw error;
  } finally {
    ended.resolve();
    remote.ended.catch(() => undefined);
    signal?.removeEventListener('abort', abort);
    cancelDeadline();
    watch.end();
  }
}

function gatherStdout(stream: Readable, options: RunOptions, fail: (error: unknown) => void): () => Buffer {
  const { maxBytes, address } = options;
  const chunks: Buffer[] = [];
  const lines = showLines(options);
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      fail(
        new HansaError(
          `a command on ${address} printed more than the ${maxBytes} bytes it may: read less of it`,
          {
            reason: 'OutputTooLarge',
            retry: 'never',
          },
        ),
      );
      return;
    }
    chunks.push(chunk);
    lines?.push(chunk);
  });
  stream.on('error', () => undefined);
  return () => {
    lines?.end();
    return Buffer.concat(chunks);
  };
}

function gatherStderr(stream: Readable, options: RunOptions): () => string {
  const lines = showLines(options);
  let kept: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    const own = options.gate ? options.gate.push(chunk) : chunk;
    if (own.length === 0) return;
    lines?.push(own);
    kept = Buffer.concat([kept, own]);
    // Cut at a line, so that half a secret doesn't stay.
    if (kept.length > keptStderrBytes)
      kept = kept.subarray(kept.indexOf(10, kept.length - keptStderrBytes) + 1);
  });
  stream.on('error', () => undefined);
  return () => {
    lines?.end();
    return kept.toString('utf8');
  };
}

function showLines({ onLine, redactor }: RunOptions): LineSplitter | undefined {
  if (!onLine) return undefined;
  const masked = redactor.lines();
  return new LineSplitter((line) => {
    const shown = masked(line);
    if (shown !== undefined) onLine(shown);
  });
}

function watchForStall(
  { stallMs, clock, address }: RunOptions,
  fail: (error: unknown) => void,
): { touch(): void; end(): void } {
  if (stallMs === undefined) return { touch() {}, end() {} };
  const start = () =>
    clock.after(stallMs, () => fail(deadlineExceeded(address, 'sending the next bytes of a file', stallMs)));
  let cancel = start();
  return {
    touch() {
      cancel();
      cancel = start();
    },
    end: () => cancel(),
  };
}
