import { setTimeout as after } from 'node:timers/promises';
import { killGroup } from './child-process.ts';
import type { ConnectLimits } from './connect-options.ts';
import { ChannelNotOpened, type Connection, type Hop, type Route } from './connection.ts';
import { bounded, deadlineExceeded } from './failures.ts';
import { startCommand } from './openssh-command.ts';
import { OpenSshFiles } from './openssh-files.ts';
import { hopsOf, learnKey, type Master, startMaster } from './openssh-master.ts';

const closeMs = 2000;

/**
 * Connects with the ssh program of this machine, with what the user's ssh_config says of the host: tokens, Kerberos, short-lived
 * certificates. One ssh holds the connection, one more for each command goes through its socket.
 * *Guarantees*: host keys are verified by our rules, not by the ssh_config.
 */
export async function openOpenSsh(
  route: Route,
  limits: ConnectLimits,
  signal: AbortSignal,
): Promise<Connection> {
  const files = await OpenSshFiles.create();
  try {
    for (const [name, hop] of hopsOf(route)) {
      await files.writeKnownHosts(name, await hop.trust.known());
      await files.writeSecrets(name, hop);
    }
    for (const [name, hop] of hopsOf(route)) {
      if (!hop.trust.insecure && (await hop.trust.preferredTypes()).length === 0) {
        await learnKey({ name, hop, route, files, limits, signal });
      }
    }
    const master = await startMaster({ route, files, limits, signal });
    await files.removeSecrets();
    return connectionOf(route.machine, files, master, limits);
  } catch (error) {
    await files.remove();
    throw error;
  }
}

function connectionOf(
  machine: Hop,
  files: OpenSshFiles,
  { child: master, exited }: Master,
  { startTimeoutMs }: ConnectLimits,
): Connection {
  let isOpen = true;
  let running = 0;
  // Not before the last command has read why it ended.
  const tidyUp = async (): Promise<void> => {
    if (!isOpen && running === 0) await files.remove();
  };
  const lost = exited.then(async () => {
    isOpen = false;
    await tidyUp();
  });
  const letGo = async (): Promise<void> => {
    master.stdin.end();
    await Promise.race([lost, after(closeMs, undefined, { ref: false })]);
    killGroup(master);
    await lost;
    await tidyUp();
  };
  return {
    get isOpen() {
      return isOpen;
    },
    lost,
    lostBy: undefined,
    async start(line, given) {
      using bound = bounded(given, startTimeoutMs, () =>
        deadlineExceeded(machine.address, 'the start of a command', startTimeoutMs),
      );
      const { signal } = bound;
      if (!isOpen) throw new ChannelNotOpened(true, 'the connection is gone');
      running += 1;
      const settled = () => {
        running -= 1;
        void tidyUp();
      };
      try {
        return await startCommand(machine, files, line, { lost, isLost: () => !isOpen, signal, settled });
      } catch (error) {
        // Without its socket it is of no use any more, even where it lives.
        if (error instanceof ChannelNotOpened && error.connectionIsLost) await letGo();
        throw error;
      }
    },
    close: letGo,
  };
}
