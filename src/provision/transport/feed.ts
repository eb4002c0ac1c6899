import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { HansaError, messageOf } from '../../base/index.ts';
import type { StartGate } from './start-gate.ts';

/** What a command reads. A stream is opened when the command has started. */
export type Input = string | Buffer | InputStream;

export interface InputStream {
  readonly open: () => Readable;
  /** Bytes at its start that the machine has already. */
  readonly skipBytes: number;
  readonly onSent?: (bytes: number) => void;
}

/** Gives a process its input, once the gate before it is open; ends early where the process does. */
export async function feed(
  stdin: Writable,
  { input, gate }: { readonly input?: Input | undefined; readonly gate: StartGate | undefined },
  { ended, onSent }: { readonly ended: Promise<void>; readonly onSent: () => void },
): Promise<void> {
  if (gate) {
    const started = await Promise.race([gate.open(stdin).then(() => true), ended.then(() => false)]);
    if (!started) return;
  }
  if (input === undefined) {
    stdin.end();
  } else if (typeof input === 'string' || Buffer.isBuffer(input)) {
    stdin.end(input);
  } else {
    await pour(input, stdin, ended, onSent);
  }
}

async function pour(
  input: InputStream,
  stdin: Writable,
  ended: Promise<void>,
  onSent: () => void,
): Promise<void> {
  let over = false;
  const end = ended.then(() => {
    over = true;
  });
  const source = input.open();
  let position = 0;
  try {
    for await (const piece of source) {
      const chunk = Buffer.isBuffer(piece) ? piece : Buffer.from(piece as string);
      const start = Math.max(0, input.skipBytes - position);
      position += chunk.length;
      if (start >= chunk.length) continue;
      if (over) return;
      if (!stdin.write(chunk.subarray(start))) await Promise.race([drained(stdin), end]);
      onSent();
      input.onSent?.(position);
    }
  } catch (error) {
    throw new HansaError(`what was to be sent could not be read: ${messageOf(error)}`, {
      reason: 'SourceUnreadable',
      cause: error,
    });
  } finally {
    source.destroy();
  }
  stdin.end();
}

async function drained(stdin: Writable): Promise<void> {
  const stop = new AbortController();
  const events = ['drain', 'close', 'error'];
  await Promise.race(events.map((event) => once(stdin, event, { signal: stop.signal }))).catch(
    () => undefined,
  );
  stop.abort();
}
