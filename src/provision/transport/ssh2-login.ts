import ssh2, { type AuthHandlerMiddleware, type AnyAuthMethod } from 'ssh2';
import { HansaError } from '../../base/index.ts';
import type { Credential } from './credential.ts';

export interface Login {
  readonly handler: AuthHandlerMiddleware;
  /** For the message when all failed. */
  tried(): string;
}

interface Offer {
  readonly name: string;
  /** One of these must be among what the server accepts. */
  readonly methods: readonly string[];
  readonly auth: (accepted: readonly string[]) => AnyAuthMethod;
}

/**
 * Keys first, then the agent, then the password. The password goes out once, in whichever way the server takes it: a second
 * time would count as a second failed login.
 */
export function createLogin(
  user: string,
  credential: Credential,
  address: string,
  agentSocket: string | undefined,
): Login {
  const offers = offersOf(user, credential, address, agentSocket);
  const tried: string[] = [];
  let asked = false;
  let left = [...offers];
  let accepted: readonly string[] = [];
  return {
    handler(methodsLeft, _partial, next) {
      // Nothing but the question which methods there are.
      if (!asked) {
        asked = true;
        next({ type: 'none', username: user });
        return;
      }
      accepted = methodsLeft ?? accepted;
      const offer = left.find(({ methods }) => methods.some((method) => accepted.includes(method)));
      if (!offer) {
        next(false as unknown as AnyAuthMethod);
        return;
      }
      left = left.filter(({ name }) => name !== offer.name);
      tried.push(offer.name);
      next(offer.auth(accepted));
    },
    tried: () =>
      `tried: ${tried.join(', ') || 'nothing'}; the credential has: ${offers.map(({ name }) => name).join(', ') || 'nothing'}; ` +
      `the machine takes: ${accepted.join(', ') || 'unknown'}`,
  };
}

function offersOf(
  username: string,
  { privateKey, passphrase, password, agent }: Credential,
  address: string,
  agentSocket: string | undefined,
): readonly Offer[] {
  const offers: Offer[] = [];
  if (privateKey !== undefined) {
    const key = parseKey(privateKey, passphrase, address);
    offers.push({
      name: 'private key',
      methods: ['publickey'],
      auth: () => ({ type: 'publickey', username, key }),
    });
  }
  if (agent) {
    if (!agentSocket) {
      throw refused(
        `the credential for ${address} names the ssh agent, but none is running here: start one and add the key ` +
          '("ssh-add"), so that SSH_AUTH_SOCK is set',
      );
    }
    const agentAuth = { type: 'agent', username, agent: agentSocket } as const;
    offers.push({ name: 'agent', methods: ['publickey'], auth: () => agentAuth });
  }
  if (password !== undefined) {
    offers.push({
      name: 'password',
      methods: ['password', 'keyboard-interactive'],
      auth: (accepted) =>
        accepted.includes('password')
          ? { type: 'password', username, password }
          : answering(username, password),
    });
  }
  return offers;
}

/** The same password for servers that only ask questions, as PAM does. */
function answering(username: string, password: string): AnyAuthMethod {
  let answered = false;
  return {
    type: 'keyboard-interactive',
    username,
    prompt(_name, _instructions, _language, prompts, finish) {
      const answer = answered ? '' : password;
      answered ||= prompts.length > 0;
      finish(prompts.map(() => answer));
    },
  };
}

function parseKey(privateKey: string, passphrase: string | undefined, address: string): ssh2.ParsedKey {
  const parsed = ssh2.utils.parseKey(privateKey, passphrase) as
    | ssh2.ParsedKey
    | readonly ssh2.ParsedKey[]
    | Error;
  if (parsed instanceof Error) {
    if (/no passphrase/i.test(parsed.message)) {
      throw refused(`the private key for ${address} is encrypted: put its passphrase in the credential`);
    }
    if (/bad passphrase|integrity|decrypt/i.test(parsed.message)) {
      throw refused(`the passphrase in the credential for ${address} does not open its private key`);
    }
    throw refused(
      `the private key for ${address} can't be read (${parsed.message}): give it in OpenSSH or PEM form; keys on a ` +
        'security token work through the ssh agent or with transport openssh',
    );
  }
  const key = Array.isArray(parsed) ? (parsed as readonly ssh2.ParsedKey[])[0] : (parsed as ssh2.ParsedKey);
  if (!key?.isPrivateKey()) {
    throw refused(`the privateKey in the credential for ${address} is a public key: give the private one`);
  }
  return key;
}

function refused(message: string): HansaError {
  return new HansaError(message, { reason: 'AuthenticationFailed', retry: 'never' });
}
