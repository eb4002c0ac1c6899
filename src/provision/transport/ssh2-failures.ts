import { HansaError } from '../../base/index.ts';
import type { Hop } from './connection.ts';

/** As the library throws it. */
export interface Ssh2Error extends Error {
  readonly level?: string;
  readonly code?: string;
}

/** Why a connection was not made. */
export function explain(error: Ssh2Error, { address, user }: Hop, tried: string): HansaError {
  if (error.level === 'client-authentication') {
    return new HansaError(
      `${address} does not let "${user}" in (${tried}): put its key into ~/.ssh/authorized_keys there, or correct the credential`,
      { reason: 'AuthenticationFailed', retry: 'never', cause: error },
    );
  }
  return new HansaError(`${address} can't be reached over ssh: ${hint(error)}`, {
    reason: 'Unreachable',
    cause: error,
  });
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the port is closed; is sshd running, and is that its port?',
  ENOTFOUND: 'the name does not resolve; check the host in the spec',
  EAI_AGAIN: 'the name does not resolve; check the host in the spec',
  EHOSTUNREACH: 'there is no route to it; check the address and the network',
  ENETUNREACH: 'there is no route to it; check the address and the network',
  ETIMEDOUT: 'no answer; is the machine on, and does a firewall let us through?',
};

function hint({ code = '', level, message }: Ssh2Error): string {
  const known = hints[code];
  if (known) return known;
  if (level === 'client-timeout') {
    return 'no answer in time; is the machine on, overloaded, or behind a firewall?';
  }
  if (level === 'handshake' || level === 'protocol') {
    return `what answers there does not speak ssh as we do (${message}); is it the right port?`;
  }
  return message;
}
