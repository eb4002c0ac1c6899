import { HansaError, messageOf } from '../../base/index.ts';
import { ChannelNotOpened, type Connection, type Hop } from './connection.ts';
import { connectionLost, orAborted } from './failures.ts';
import { type RetryDeps, retryConnect } from './retry-connect.ts';
import { Slots } from './slots.ts';
import type { RemoteProcess, Wire } from './wire.ts';

const refusedDelayMs = 200;
/** Connections lost in a row before a line could be sent. */
const mostReconnects = 3;

/**
 * A wire of one connection at a time, made again when it was lost, with a bounded number of channels.
 * *Guarantees*: a line that may have reached the machine is not sent a second time. Where the server lets us have fewer
 * channels than we would, commands wait for each other.
 */
export class ReconnectingWire implements Wire {
  readonly #machine: Hop;
  readonly #open: (signal: AbortSignal) => Promise<Connection>;
  readonly #deps: RetryDeps;
  readonly #slots: Slots;
  readonly #closing = new AbortController();
  #connecting: Promise<Connection> | undefined;

  constructor(machine: Hop, open: (signal: AbortSignal) => Promise<Connection>, deps: RetryDeps) {
    this.#machine = machine;
    this.#open = open;
    this.#deps = deps;
    this.#slots = new Slots(deps.limits.maxChannels);
  }

  get address(): string {
    return this.#machine.address;
  }

  get hostKeys(): readonly string[] {
    const { shown } = this.#machine.trust;
    return shown === undefined ? [] : [shown];
  }

  /** Connects now rather than with the first command. */
  async connect(signal?: AbortSignal): Promise<void> {
    await this.#connection(signal);
  }

  async start(line: string, signal?: AbortSignal): Promise<RemoteProcess> {
    signal?.throwIfAborted();
    const release = await this.#slots.take(signal);
    try {
      const remote = await this.#startInSlot(line, signal);
      remote.ended.then(release, release);
      return remote;
    } catch (error) {
      release();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(
      new HansaError(`the connection to ${this.address} was closed`, { reason: 'Closed', retry: 'never' }),
    );
    const connection = await this.#connecting?.catch(() => undefined);
    await connection?.close();
  }

  async #startInSlot(line: string, signal: AbortSignal | undefined): Promise<RemoteProcess> {
    const { clock, limits } = this.#deps;
    const slots = this.#slots;
    let lost = 0;
    let refusedAtMs: number | undefined;
    for (;;) {
      const connection = await this.#connection(signal);
      try {
        return await connection.start(line, signal);
      } catch (error) {
        if (!(error instanceof ChannelNotOpened)) throw error;
        if (error.connectionIsLost) {
          // The command did not leave us, so sending it is no repetition.
          lost += 1;
          if (lost > mostReconnects)
            throw connectionLost(this.address, 'a channel was being opened', error.cause);
          await orAborted(connection.lost, signal);
          continue;
        }
        refusedAtMs ??= clock.monotonic();
        if (slots.taken > 1) slots.shrink();
        const isAlone = slots.taken <= slots.limit;
        if (isAlone && clock.monotonic() - refusedAtMs > limits.refusedTimeoutMs) throw this.#refused(error);
        await clock.sleep(refusedDelayMs, signal);
      }
    }
  }

  #refused(error: ChannelNotOpened): HansaError {
    return new HansaError(
      `${this.address} lets us in but opens no channel (${messageOf(error.cause)}): see MaxSessions in its sshd_config`,
      { reason: 'ChannelRefused', cause: error },
    );
  }

  /** The living connection, or a new one; all who ask meanwhile wait for the same. */
  async #connection(signal: AbortSignal | undefined): Promise<Connection> {
    this.#closing.signal.throwIfAborted();
    this.#connecting ??= this.#connect();
    return orAborted(this.#connecting, signal);
  }

  #connect(): Promise<Connection> {
    const { signal } = this.#closing;
    const connecting = retryConnect(this.address, this.#open, this.#deps, signal);
    const forget = () => {
      if (this.#connecting === connecting) this.#connecting = undefined;
    };
    connecting.then(({ lost }) => lost.then(forget), forget);
    return connecting;
  }
}
