import { createHash } from 'node:crypto';
import { type Clock, HansaError } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import { quote } from './command-line.ts';
import { hasReason, reasonOf } from './failures.ts';
import { LineSplitter } from './lines.ts';
import {
  chunkBytes,
  forgetScript,
  lookScript,
  notThere,
  readGlance,
  startScript,
  stopScript,
  wrapperScript,
} from './long-scripts.ts';
import { createRedactor, type Redactor } from './redact.ts';
import type { LongCommand, LongResult, RemoteCommand, RemoteResult, Transport } from './transport.ts';

export interface LongOptions {
  readonly clock?: Clock;
  readonly redactor?: Redactor;
  /** Where commands are kept on the machine. */
  readonly directory?: string;
}

export const opsDirectory = '/var/lib/hansa/ops';

/** Of what a command prints, the end is kept. */
const keptBytes = 16 * 1024 * 1024;
/** One look waits this long for news: short, since a machine with MaxSessions 1 has its only channel taken meanwhile. */
const waitSeconds = 4;
const lookDeadlineMs = 60_000;
const reconnectDelayMs = 2000;

/**
 * Runs a command on the machine apart from our connection, as root, and follows it to its end.
 * *Flow*: its files are put down, systemd runs it as `hansa-ID`, we look for news until its exit code is there. When the
 * connection is lost we connect and look on; when this process is killed, the next call with the same id does.
 * *Guarantees*: an id is started once. *Assumes*: a new attempt has a new id. *Caveats*: aborting the signal only stops
 * looking; past its deadline the command is stopped.
 */
export async function runLong(
  transport: Transport,
  command: LongCommand,
  { clock = systemClock, redactor = createRedactor(), directory = opsDirectory }: LongOptions = {},
): Promise<LongResult> {
  if (!/^[a-z0-9][a-z0-9-]{0,199}$/.test(command.id)) {
    throw new HansaError(`"${command.id}" can't name a long command: small letters, digits and dashes`, {
      reason: 'ArgumentInvalid',
      retry: 'never',
    });
  }
  const machine = new PatientMachine(transport, command, clock);
  const { id, script, args = [], stdin = '', deadlineMs } = command;
  const limitSeconds = Math.ceil(deadlineMs / 1000) + 60;
  const started = await machine.exec({
    script: startScript,
    args: [
      directory,
      id,
      hashOf(command),
      String(limitSeconds),
      String(Buffer.byteLength(stdin)),
      wrapperScript,
      script,
      ['set --', ...args.map(quote)].join(' '),
    ],
    stdin,
  });
  if (started.stdout.trim() === 'differs') {
    throw new HansaError(
      `${transport.address} has already run another command as "${command.id}": an id is for one command and one attempt`,
      { reason: 'LongCommandDiffers', retry: 'never' },
    );
  }
  return follow(machine, command, { redactor, directory });
}

/** Removes what a long command left on the machine, when its result has been used; its id may then be started again. */
export async function forgetLong(
  transport: Transport,
  id: string,
  { directory = opsDirectory }: LongOptions = {},
): Promise<void> {
  const { code, stderr } = await transport.exec({ script: forgetScript, args: [directory, id], root: true });
  if (code !== 0) {
    throw new HansaError(`${id} on ${transport.address} can't be forgotten: ${stderr.trim()}`, {
      reason: 'LongCommandFailed',
    });
  }
}

async function follow(
  machine: PatientMachine,
  command: LongCommand,
  { redactor, directory }: { redactor: Redactor; directory: string },
): Promise<LongResult> {
  const stdout = new Tail(command.onLine, redactor);
  const stderr = new Tail(command.onLine, redactor);
  for (;;) {
    const args = [directory, command.id, String(stdout.bytes), String(stderr.bytes), machine.waitSeconds];
    const { stdout: text, code } = await machine.exec({ script: lookScript, args });
    if (code === notThere) return { kind: 'interrupted' };
    const glance = readGlance(text);
    stdout.push(glance.stdout);
    stderr.push(glance.stderr);
    // There may be more of it than one look brings.
    const isWhole = glance.stdout.length < chunkBytes && glance.stderr.length < chunkBytes;
    if (glance.state.kind === 'running' || !isWhole) continue;
    stdout.end();
    stderr.end();
    if (glance.state.kind === 'interrupted') return { kind: 'interrupted' };
    return {
      kind: 'ended',
      code: glance.state.code,
      signal: undefined,
      stdout: stdout.text(),
      stderr: redactor.text(stderr.text()),
    };
  }
}

/** Asks a machine again and again until it answers, up to the deadline of the command. */
class PatientMachine {
  readonly #transport: Transport;
  readonly #command: LongCommand;
  readonly #clock: Clock;
  readonly #endMs: number;

  constructor(transport: Transport, command: LongCommand, clock: Clock) {
    this.#transport = transport;
    this.#command = command;
    this.#clock = clock;
    this.#endMs = clock.monotonic() + command.deadlineMs;
  }

  /** How long a look may wait for news. */
  get waitSeconds(): string {
    const leftSeconds = Math.ceil((this.#endMs - this.#clock.monotonic()) / 1000);
    return String(Math.min(waitSeconds, Math.max(1, leftSeconds)));
  }

  /** For scripts that can be run twice without harm. */
  async exec(asked: Pick<RemoteCommand, 'script' | 'args' | 'stdin'>): Promise<RemoteResult> {
    const { signal } = this.#command;
    for (;;) {
      if (signal?.aborted) throw reasonOf(signal);
      if (this.#clock.monotonic() > this.#endMs) await this.#giveUp(asked.args?.[0] ?? '');
      try {
        const run = { ...asked, root: true, deadlineMs: lookDeadlineMs, ...(signal && { signal }) };
        const result = await this.#transport.exec(run);
        if (result.code === 0 || result.code === notThere) return result;
        // 124 and 137: the machine itself ended a look that took too long; it is busy.
        if (result.code !== 124 && result.code !== 137) throw this.#failed(result);
      } catch (error) {
        if (signal?.aborted) throw reasonOf(signal);
        if (!hasReason(error, 'ConnectionLost', 'Unreachable', 'DeadlineExceeded', 'ChannelRefused'))
          throw error;
      }
      await this.#clock.sleep(reconnectDelayMs, signal);
    }
  }

  #failed({ stderr, code }: RemoteResult): HansaError {
    return new HansaError(
      `${this.#command.id} can't be run on ${this.#transport.address}: ${stderr.trim() || `exit code ${code}`}`,
      { reason: /no space left/i.test(stderr) ? 'DiskFull' : 'LongCommandFailed' },
    );
  }

  async #giveUp(directory: string): Promise<never> {
    const { id, deadlineMs } = this.#command;
    const { address } = this.#transport;
    const stopped = await this.#transport
      .exec({ script: stopScript, args: [directory, id], root: true, deadlineMs: lookDeadlineMs })
      .then(({ code }) => code === 0)
      .catch(() => false);
    throw new HansaError(
      `${id} on ${address} was not done after ${Math.round(deadlineMs / 1000)} s and was ` +
        `${stopped ? 'stopped' : `told to stop, without an answer; it may still be running there as hansa-${id}`}: ` +
        `its output is in ${directory}/${id}`,
      { reason: 'DeadlineExceeded' },
    );
  }
}

/** One output as it grows. */
class Tail {
  bytes = 0;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #lines: LineSplitter | undefined;

  constructor(onLine: ((line: string) => void) | undefined, redactor: Redactor) {
    const masked = redactor.lines();
    if (!onLine) return;
    this.#lines = new LineSplitter((line) => {
      const shown = masked(line);
      if (shown !== undefined) onLine(shown);
    });
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#lines?.push(chunk);
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    while (this.#keptBytes > keptBytes && this.#kept.length > 1) {
      this.#keptBytes -= this.#kept.shift()?.length ?? 0;
    }
  }

  end(): void {
    this.#lines?.end();
  }

  text(): string {
    return Buffer.concat(this.#kept).toString('utf8');
  }
}

/** Its input is left out: a hash of a secret has no place among arguments. */
function hashOf({ script, args = [] }: LongCommand): string {
  const hash = createHash('sha256');
  for (const part of [script, ...args]) hash.update(`${part.length} `).update(part);
  return hash.digest('hex');
}
