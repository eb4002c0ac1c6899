import type { Clock, HansaError } from '../../base/index.ts';
import { renderCommandLine } from './command-line.ts';
import type { Credential } from './credential.ts';
import {
  elevationFor,
  explainNotStarted,
  isAboutPassword,
  marksFor,
  probeScript,
  readWay,
  sudoFailed,
  type Way,
} from './elevate.ts';
import { hasReason, maskError } from './failures.ts';
import type { Input } from './feed.ts';
import { readRemoteFile } from './read-file.ts';
import type { Redactor } from './redact.ts';
import { type Finished, runProcess } from './run-process.ts';
import { NotStarted, StartGate } from './start-gate.ts';
import type { RemoteCommand, RemoteFile, RemoteResult, RemoteUpload, Transport } from './transport.ts';
import { uploadFile } from './upload.ts';
import type { Wire } from './wire.ts';
import { writeRemoteFile } from './write-file.ts';

const defaultDeadlineMs = 60_000;
const defaultMaxBytes = 16 * 1024 * 1024;

export interface MachineTransportOptions {
  readonly credential: Credential;
  readonly redactor: Redactor;
  readonly clock: Clock;
}

export interface Run {
  readonly script: string;
  readonly args?: readonly string[] | undefined;
  readonly root: boolean;
  readonly input?: Input | undefined;
  readonly deadlineMs?: number | undefined;
  readonly stallMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly maxBytes?: number | undefined;
}

/** What file operations need of a machine. */
export interface Runner {
  readonly address: string;
  readonly redactor: Redactor;
  run(run: Run): Promise<Finished>;
}

/**
 * A machine behind any wire: becomes root, moves files, masks secrets.
 * *Guarantees*: a command whose connection was lost is not sent again; files are, since writing one twice is writing it once.
 * *Caveats*: a command that was aborted may go on on the machine until its deadline.
 */
export class MachineTransport implements Transport, Runner {
  readonly redactor: Redactor;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #sudoPassword: string | undefined;
  #way: Promise<Way> | undefined;
  /** A password that was refused is not tried again: the next failures would lock the user out. */
  #passwordRefused: HansaError | undefined;

  constructor(wire: Wire, { credential, redactor, clock }: MachineTransportOptions) {
    this.#wire = wire;
    this.redactor = redactor;
    this.#clock = clock;
    this.#sudoPassword = credential.sudoPassword ?? credential.password;
  }

  get address(): string {
    return this.#wire.address;
  }

  get hostKeys(): readonly string[] {
    return this.#wire.hostKeys;
  }

  async exec({ stdin, root = false, ...command }: RemoteCommand): Promise<RemoteResult> {
    const finished = await this.#masking(() => this.run({ ...command, root, input: stdin }));
    return { ...finished, stdout: finished.stdout.toString('utf8') };
  }

  writeFile(file: RemoteFile, signal?: AbortSignal): Promise<'written' | 'unchanged'> {
    return this.#masking(() => onceMoreIfLost(() => writeRemoteFile(this, file, signal)));
  }

  readFile(
    path: string,
    {
      maxBytes = defaultMaxBytes,
      signal,
    }: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Buffer | undefined> {
    return this.#masking(() => onceMoreIfLost(() => readRemoteFile(this, path, maxBytes, signal)));
  }

  upload(file: RemoteUpload): Promise<'uploaded' | 'unchanged'> {
    return this.#masking(() => uploadFile(this, file));
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async run(run: Run): Promise<Finished> {
    if (!run.root) return this.#runAs(run, { kind: 'is-root' });
    const way = await this.#wayToRoot(run.signal);
    try {
      return await this.#runAs(run, way);
    } catch (error) {
      if (!(error instanceof NotStarted)) throw error;
      // It was free and now it asks: sudoers has changed meanwhile. The command did not start, so it may be sent again.
      if (way.kind === 'free' && isAboutPassword(error.said) && this.#sudoPassword !== undefined) {
        this.#way = this.#tryPassword({ kind: 'asks' }, run.signal);
        return this.#explained(this.#runAs(run, await this.#way));
      }
      throw this.#refusal(error);
    }
  }

  async #runAs(run: Run, way: Way): Promise<Finished> {
    const { script, args = [], deadlineMs = defaultDeadlineMs, maxBytes = defaultMaxBytes } = run;
    const start = elevationFor(way);
    const line = renderCommandLine({ script, args, deadlineMs, ...start });
    const marks = marksFor(start, this.#sudoPassword);
    const remote = await this.#wire.start(line, run.signal);
    return runProcess(remote, {
      ...run,
      address: this.address,
      deadlineMs,
      maxBytes,
      gate: marks && new StartGate(marks),
      redactor: this.redactor,
      clock: this.#clock,
    });
  }

  /** Found out once; those who come meanwhile wait, so that a wrong password is sent once. */
  async #wayToRoot(signal: AbortSignal | undefined): Promise<Way> {
    if (this.#passwordRefused) throw this.#passwordRefused;
    this.#way ??= this.#findWay(signal);
    const finding = this.#way;
    try {
      return await finding;
    } catch (error) {
      if (this.#way === finding) this.#way = undefined;
      throw error;
    }
  }

  async #findWay(signal: AbortSignal | undefined): Promise<Way> {
    const probe = await this.#runAs({ script: probeScript, root: false, signal }, { kind: 'is-root' });
    const way = readWay(probe.stdout.toString('utf8'));
    const failure = sudoFailed(this.address, way, this.#sudoPassword !== undefined);
    if (failure) throw failure;
    return way.kind === 'asks' ? this.#tryPassword(way, signal) : way;
  }

  async #tryPassword(way: Way, signal: AbortSignal | undefined): Promise<Way> {
    if (this.#passwordRefused) throw this.#passwordRefused;
    await this.#explained(this.#runAs({ script: ':', root: true, signal }, way));
    return way;
  }

  async #explained<T>(running: Promise<T>): Promise<T> {
    try {
      return await running;
    } catch (error) {
      throw error instanceof NotStarted ? this.#refusal(error) : error;
    }
  }

  #refusal(error: NotStarted): HansaError {
    const refusal = explainNotStarted(this.address, error);
    if (error.asked === 'again') this.#passwordRefused = refusal;
    this.#way = undefined;
    return refusal;
  }

  /** What machines say, and paths and names that callers gave, may have a secret in them. */
  async #masking<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw maskError(error, (text) => this.redactor.text(text));
    }
  }
}

async function onceMoreIfLost<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!hasReason(error, 'ConnectionLost')) throw error;
    return action();
  }
}
