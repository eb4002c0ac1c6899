import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'ssh2';
import { HansaError, messageOf } from '../../src/base/index.ts';

export interface SshAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKey: string;
}

const connectMs = 5_000;
const pauseMs = 200;

/**
 * Runs one command over a connection of its own and gives its output, whatever Hansa's own transport can do: tests look
 * with it from outside.
 * @throws HansaError CommandFailed with all it wrote
 */
export async function runOverSsh(access: SshAccess, command: string, input?: Readable): Promise<string> {
  const { host, port, user, privateKey } = access;
  const client = new Client();
  try {
    return await new Promise<string>((resolve, reject) => {
      client.once('error', reject);
      client.once('ready', () =>
        client.exec(command, (error, channel) => {
          if (error) return reject(error);
          let said = '';
          let complained = '';
          channel.on('data', (chunk: Buffer) => (said += chunk.toString()));
          channel.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()));
          channel.once('close', (code: number | null) => {
            if (code === 0) return resolve(said);
            const told = `${said}\n${complained}`.trim();
            reject(
              new HansaError(`"${command}" on ${host} ended with code ${code}:\n${told}`, {
                reason: 'CommandFailed',
              }),
            );
          });
          if (input) input.pipe(channel);
          else channel.end();
        }),
      );
      client.connect({ host, port, username: user, privateKey, readyTimeout: connectMs });
    });
  } finally {
    client.on('error', () => {});
    client.destroy();
  }
}

/** Waits until the user can run a command, which a booting machine refuses for a while. */
export async function waitForSsh(access: SshAccess, limitMs: number, signal?: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await runOverSsh(access, 'true');
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) {
        throw new HansaError(
          `${access.user}@${access.host} was not let in within ${limitMs / 1000} s: ${messageOf(error)}`,
          { reason: 'MachineUnreachable', retry: 'never', cause: error },
        );
      }
    }
    await sleep(pauseMs);
  }
}
