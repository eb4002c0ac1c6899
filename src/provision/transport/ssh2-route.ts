import type { Duplex } from 'node:stream';
import { HansaError, messageOf } from '../../base/index.ts';
import type { ConnectLimits } from './connect-options.ts';
import type { Connection, Hop, Route } from './connection.ts';
import { openSsh2, type Ssh2Connection } from './ssh2-connection.ts';

/** Connects to a machine, through its bastion where it has one; the bastion's connection lives as long as the machine's. */
export async function openSsh2Route(
  { machine, bastion }: Route,
  limits: ConnectLimits,
  signal: AbortSignal,
): Promise<Connection> {
  if (!bastion) return openSsh2(machine, limits, signal, undefined);
  const outer = await openSsh2(bastion, limits, signal, undefined);
  try {
    const tunnel = await tunnelTo(outer, bastion, machine);
    const inner = await openSsh2(machine, limits, signal, tunnel);
    void inner.lost.then(() => outer.close());
    return inner;
  } catch (error) {
    await outer.close();
    throw error;
  }
}

async function tunnelTo(outer: Ssh2Connection, bastion: Hop, { host, port }: Hop): Promise<Duplex> {
  try {
    return await outer.forward(host, port);
  } catch (error) {
    throw new HansaError(
      `the bastion ${bastion.address} does not reach ${host}:${port} (${messageOf(error)}): check the address as seen ` +
        'from the bastion, and AllowTcpForwarding in its sshd_config',
      { reason: 'Unreachable', cause: error },
    );
  }
}
