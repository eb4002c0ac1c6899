import { setTimeout as after } from 'node:timers/promises';
import type { ClientChannel } from 'ssh2';
import { ChannelNotOpened, type Connection } from './connection.ts';
import { connectionLost } from './failures.ts';
import { codeOfSignalled, type RemoteEnd, type RemoteProcess } from './wire.ts';

/** For what arrived before a connection was lost to be read. */
const lastWordsMs = 1000;

/** @throws ChannelNotOpened */
export function openChannel(
  connection: Connection,
  start: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    try {
      start((error, channel) => {
        if (!error) resolve(channel);
        // ssh2 says this when the channel was there and the request for the command failed: with the connection gone, nobody
        // knows whether it was read.
        else if (error.message === 'Unable to exec') reject(error);
        else reject(new ChannelNotOpened(!connection.isOpen || /no response/i.test(error.message), error));
      });
    } catch (error) {
      reject(new ChannelNotOpened(true, error));
    }
  });
}

export function asProcess(channel: ClientChannel, address: string, lost: Promise<void>): RemoteProcess {
  const ended = Promise.withResolvers<RemoteEnd>();
  ended.promise.catch(() => undefined);
  const vanish = () => ended.reject(connectionLost(address, 'a command was running'));
  channel.on('close', (code: number | null | undefined, signal: string | undefined) => {
    if (typeof code === 'number') ended.resolve({ code, signal: undefined });
    else if (signal) ended.resolve({ code: codeOfSignalled, signal });
    else vanish();
  });
  channel.on('error', () => undefined);
  // A channel through a bastion that hangs is never told of its end. What has arrived may still be read.
  void lost.then(() => after(lastWordsMs, undefined, { ref: false })).then(vanish);
  return {
    stdin: channel.stdin,
    stdout: channel.stdout,
    stderr: channel.stderr,
    ended: ended.promise,
    kill() {
      channel.signal('KILL');
      discard(channel);
    },
  };
}

/** Lets go of a channel nobody reads any more. */
export function discard(channel: ClientChannel): void {
  channel.on('error', () => undefined);
  channel.end();
  // Unread output would keep the channel, and its place, open.
  channel.resume();
  channel.stderr.resume();
  channel.close();
}
