import { randomBytes } from 'node:crypto';
import { finished, PassThrough } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { HansaError } from '../../base/index.ts';
import { killGroup, startChild } from './child-process.ts';
import { ChannelNotOpened, type Hop } from './connection.ts';
import { connectionLost, orAborted } from './failures.ts';
import { commandArguments } from './openssh-arguments.ts';
import type { OpenSshFiles } from './openssh-files.ts';
import { lastLine, programMissing } from './openssh-talk.ts';
import type { RemoteEnd, RemoteProcess } from './wire.ts';

/** After the end of a command that may be the end of the connection. */
const lastWordsMs = 300;

export interface CommandDeps {
  readonly lost: Promise<void>;
  readonly isLost: () => boolean;
  readonly signal: AbortSignal;
  /** Called when its process has gone. */
  readonly settled: () => void;
}

/** Resolves when the command's shell has said its first word: before that, ssh may have been refused. */
export async function startCommand(
  hop: Hop,
  files: OpenSshFiles,
  line: string,
  { lost, isLost, signal, settled }: CommandDeps,
): Promise<RemoteProcess> {
  const id = randomBytes(9).toString('hex');
  const mark = `hansa-open-${id}\n`;
  const marked = `printf '${mark.trimEnd()}\\n' >&2; ${line}`;
  const child = startChild('ssh', commandArguments(files, hop, { line: marked, log: files.log(id) }));
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<RemoteEnd>();
  ended.promise.catch(() => undefined);
  const stderr = new PassThrough();
  let isMarked = false;
  let before = '';

  child.stdin.on('error', () => undefined);
  child.once('error', (error) => opened.reject(programMissing(error)));
  child.stderr.on('data', (chunk: Buffer) => {
    if (isMarked) {
      stderr.write(chunk);
      return;
    }
    before += chunk.toString('latin1');
    const start = before.indexOf(mark);
    if (start === -1) return;
    isMarked = true;
    stderr.write(Buffer.from(before.slice(start + mark.length), 'latin1'));
    opened.resolve();
  });
  finished(stderr, () =>
    ended.resolve({ code: child.exitCode ?? 137, signal: child.signalCode ?? undefined }),
  );
  const settle = async (code: number | null): Promise<void> => {
    // ssh's own code for "lost"; a command may end with it too.
    if (code === 255) await Promise.race([lost, after(lastWordsMs)]);
    const said = await files.takeLog(id);
    if (!isMarked) opened.reject(notOpened(hop, said, isLost()));
    if (code === 255 && isLost()) ended.reject(connectionLost(hop.address, 'a command was running'));
    stderr.end();
    settled();
  };
  child.once('close', (code) => void settle(code));
  const kill = () => {
    killGroup(child);
    child.stdout.resume();
    stderr.resume();
  };
  try {
    await orAborted(opened.promise, signal);
  } catch (error) {
    kill();
    throw error;
  }
  return { stdin: child.stdin, stdout: child.stdout, stderr, ended: ended.promise, kill };
}

/** Why ssh ended before the command's shell said a word. */
function notOpened(hop: Hop, said: string, isLost: boolean): Error {
  if (/refused by peer/i.test(said)) return new ChannelNotOpened(false, lastLine(said));
  if (/control socket .*(?:does not exist|connect)/i.test(said))
    return new ChannelNotOpened(true, 'its socket is gone');
  // The request was made, and what became of it isn't known.
  if (isLost || /session id/i.test(said)) return connectionLost(hop.address, 'a command was being started');
  return new HansaError(
    `${hop.address} runs no commands over ssh (${lastLine(said)}): see ForceCommand and the user's shell there`,
    { reason: 'ChannelRefused', retry: 'never' },
  );
}
