import type { Duplex } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import ssh2, { type ServerHostKeyAlgorithm } from 'ssh2';
import { HansaError } from '../../base/index.ts';
import type { ConnectLimits } from './connect-options.ts';
import { ChannelNotOpened, type Connection, type Hop } from './connection.ts';
import { bounded, connectionLost, deadlineExceeded, orAborted } from './failures.ts';
import { asProcess, discard, openChannel } from './ssh2-channel.ts';
import { explain } from './ssh2-failures.ts';
import { createLogin } from './ssh2-login.ts';

/** A connection of the library, which a bastion can lend to the next. */
export interface Ssh2Connection extends Connection {
  forward(host: string, port: number): Promise<Duplex>;
}

/** What a machine may take to answer a good-bye. */
const closeMs = 2000;

/** Connects, checks the host's key, logs in. `tunnel`: through a bastion. */
export async function openSsh2(
  hop: Hop,
  limits: ConnectLimits,
  signal: AbortSignal,
  tunnel: Duplex | undefined,
): Promise<Ssh2Connection> {
  const { address, host, port, user, trust } = hop;
  const login = createLogin(user, hop.credential, address, hop.agentSocket);
  const serverHostKey = hostKeyAlgorithms(await trust.preferredTypes());
  signal.throwIfAborted();

  const client = new ssh2.Client();
  const opened = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  let isOpen = false;
  let lostBy: unknown;
  let distrust: unknown;

  // Small questions and answers: waiting to fill a packet would cost 40 ms each.
  client.on('connect', () => client.setNoDelay(true));
  client.on('ready', () => {
    isOpen = true;
    opened.resolve();
  });
  client.on('error', (error) => {
    lostBy ??= error;
    isOpen = false;
    lost.resolve();
    opened.reject(distrust ?? explain(error, hop, login.tried()));
    // A machine that talks nonsense is not waited for.
    client.destroy();
  });
  client.on('close', () => {
    isOpen = false;
    opened.reject(distrust ?? explain(new Error('it closed the connection'), hop, login.tried()));
    lost.resolve();
  });
  const abort = () => {
    opened.reject(signal.reason);
    client.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });

  const verify = async (key: Buffer): Promise<boolean> => {
    try {
      await trust.check(address, key);
      return true;
    } catch (error) {
      distrust = error;
      return false;
    }
  };
  try {
    client.connect({
      host,
      port,
      username: user,
      readyTimeout: limits.connectTimeoutMs,
      keepaliveInterval: limits.keepaliveIntervalMs,
      keepaliveCountMax: limits.keepaliveCount,
      ...(serverHostKey && { algorithms: { serverHostKey } }),
      ...(tunnel && { sock: tunnel }),
      authHandler: login.handler,
      hostVerifier: (key: Buffer, answer: (ok: boolean) => void) => {
        void verify(key).then(answer);
      },
    });
    await opened.promise;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }

  const connection: Ssh2Connection = {
    get isOpen() {
      return isOpen;
    },
    get lostBy() {
      return lostBy;
    },
    lost: lost.promise,
    async start(line, given) {
      using bound = bounded(given, limits.startTimeoutMs, () =>
        deadlineExceeded(address, 'the start of a command', limits.startTimeoutMs),
      );
      const abortSignal = bound.signal;
      const opening = openChannel(connection, (done) => client.exec(line, done));
      try {
        return asProcess(await orAborted(opening, abortSignal), address, lost.promise);
      } catch (error) {
        // Given up while it was on its way: nobody will read from it.
        if (abortSignal.aborted) opening.then(discard, () => undefined);
        if (error instanceof ChannelNotOpened || abortSignal.aborted) throw error;
        throw isOpen
          ? noCommands(address, error)
          : connectionLost(address, 'a command was being started', lostBy);
      }
    },
    forward(toHost, toPort) {
      return openChannel(connection, (done) => client.forwardOut('127.0.0.1', 0, toHost, toPort, done));
    },
    async close() {
      if (isOpen) client.end();
      await Promise.race([lost.promise, after(closeMs)]);
      client.destroy();
    },
  };
  return connection;
}

const allHostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** The known types first; undefined where none is known. */
function hostKeyAlgorithms(known: readonly string[]): ServerHostKeyAlgorithm[] | undefined {
  if (known.length === 0) return undefined;
  const isKnown = (algorithm: string) =>
    known.includes(algorithm) || (algorithm.startsWith('rsa-') && known.includes('ssh-rsa'));
  return [
    ...allHostKeyAlgorithms.filter(isKnown),
    ...allHostKeyAlgorithms.filter((algorithm) => !isKnown(algorithm)),
  ];
}

function noCommands(address: string, cause: unknown): HansaError {
  return new HansaError(`${address} runs no commands over ssh: see ForceCommand and the user's shell there`, {
    reason: 'ChannelRefused',
    retry: 'never',
    cause,
  });
}
