import { silentLogger } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { SshTarget } from '../plan/cluster-spec.ts';
import { type ConnectOptions, defaultLimits } from './connect-options.ts';
import type { Hop } from './connection.ts';
import { type Credential, secretsOf } from './credential.ts';
import { maskError } from './failures.ts';
import { HostTrust } from './host-trust.ts';
import { createLocalWire } from './local-wire.ts';
import { MachineTransport } from './machine-transport.ts';
import { openOpenSsh } from './openssh-connection.ts';
import { createRedactor } from './redact.ts';
import type { RetryDeps } from './retry-connect.ts';
import { ReconnectingWire } from './reconnecting-wire.ts';
import { openSsh2Route } from './ssh2-route.ts';
import type { Transport } from './transport.ts';
import type { Wire } from './wire.ts';

/**
 * Connects to a machine in the way its target names.
 * *Guarantees*: nothing, a password included, is sent before the host's key is trusted. *Throws* HansaError: Unreachable,
 * HostKeyChanged, HostKeyUnknown, AuthenticationFailed.
 */
export async function connect(
  target: SshTarget,
  credential: Credential,
  options: ConnectOptions = {},
): Promise<Transport> {
  const { redactor = createRedactor(), clock = systemClock, bastionCredential = credential } = options;
  for (const secret of [...secretsOf(credential), ...secretsOf(bastionCredential)]) redactor.add(secret);
  try {
    const wire = await openWire(target, credential, options);
    return new MachineTransport(wire, { credential, redactor, clock });
  } catch (error) {
    throw maskError(error, (text) => redactor.text(text));
  }
}

async function openWire(target: SshTarget, credential: Credential, options: ConnectOptions): Promise<Wire> {
  const { clock = systemClock, rng = Math.random, logger = silentLogger, limits, signal } = options;
  const deps: RetryDeps = { clock, rng, logger, limits: { ...defaultLimits, ...limits } };
  if (target.kind === 'local') return createLocalWire();
  const route = {
    machine: hopTo(target, credential, options),
    bastion: target.bastion && hopTo(target.bastion, options.bastionCredential ?? credential, options),
  };
  const open = target.kind === 'openssh' ? openOpenSsh : openSsh2Route;
  const wire = new ReconnectingWire(route.machine, (stop) => open(route, deps.limits, stop), deps);
  try {
    await wire.connect(signal);
    return wire;
  } catch (error) {
    await wire.close();
    throw error;
  }
}

function hopTo(target: Omit<SshTarget, 'bastion'>, credential: Credential, options: ConnectOptions): Hop {
  const { host, port, user } = target;
  const { knownHostsFiles = [], onFirstSight, agentSocket = process.env.SSH_AUTH_SOCK } = options;
  const trust = new HostTrust(target, knownHostsFiles, onFirstSight);
  return { address: `${user}@${host}:${port}`, host, port, user, credential, trust, agentSocket };
}
