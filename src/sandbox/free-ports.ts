import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { HansaError } from '../base/index.ts';

/**
 * Ports are taken from below the range that systems hand out to outgoing connections. From within it, a connection of
 * anyone could sit on an API server's port in the moment in which that is restarted.
 */
const lowest = 20_000;
const highest = 32_000;
const maxTries = 200;

/** Ports this process has given out: two control planes that start side by side must not be offered the same one. */
const givenOut = new Set<number>();

/** Finds a port that nobody listens on. Another process may still be quicker: who starts a server tries again then. */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const port = randomInt(lowest, highest);
    if (givenOut.has(port)) continue;
    givenOut.add(port);
    if (await isFree(port)) return port;
    givenOut.delete(port);
  }
  throw new HansaError(`no free port found between ${lowest} and ${highest}: name one with --base-port`, {
    reason: 'NoFreePort',
  });
}

/** Lets a port be offered again. */
export function releasePort(port: number): void {
  givenOut.delete(port);
}

/** Whether a server could listen there now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
