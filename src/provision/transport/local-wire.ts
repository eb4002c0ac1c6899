import { hostname, userInfo } from 'node:os';
import { setTimeout as after } from 'node:timers/promises';
import { HansaError } from '../../base/index.ts';
import { asRemoteProcess, startChild } from './child-process.ts';
import type { RemoteProcess, Wire } from './wire.ts';

const closeMs = 2000;

/** The machine we run on. */
export function createLocalWire(): Wire {
  const address = `${userInfo().username}@${hostname()} (local)`;
  const running = new Set<RemoteProcess>();
  let closed = false;
  return {
    address,
    hostKeys: [],
    async start(line, signal) {
      signal?.throwIfAborted();
      if (closed) throw new HansaError(`${address} was closed`, { reason: 'Closed', retry: 'never' });
      const remote = asRemoteProcess(startChild('sh', ['-c', `exec ${line}`]));
      running.add(remote);
      const forget = () => running.delete(remote);
      remote.ended.then(forget, forget);
      return remote;
    },
    async close() {
      closed = true;
      const ends = [...running].map(({ ended }) => ended.catch(() => undefined));
      for (const remote of running) remote.kill();
      // What runs as root is not ours to end: the deadline it was given does.
      await Promise.race([Promise.all(ends), after(closeMs, undefined, { ref: false })]);
    },
  };
}
