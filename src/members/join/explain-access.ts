import { HansaError, messageOf } from '../../base/index.ts';

/** Whom we talked to, and with what. */
export interface Side {
  /** Such as `the host` or `member m1`. */
  readonly who: string;
  readonly server: string;
  /** `kubeconfig`: an administrator's context; `stored`: what the host will use. */
  readonly by: 'kubeconfig' | 'stored';
}

/** Says in one sentence why an API server could not be used, and what to do. Other errors pass unchanged. */
export function explainAccess(error: unknown, side: Side): HansaError {
  const known = error instanceof HansaError ? error : undefined;
  if (known && !['Unreachable', 'Timeout', 'Unauthorized', 'Forbidden'].includes(known.reason)) return known;
  const { reason, text } = sentenceFor(error, side);
  // Without the cause: its words are in the sentence, or say the same in the network's language.
  return new HansaError(`${side.who}: ${text}`, { reason, retry: 'never' });
}

/** Waits for calls to an API server by way of a kubeconfig, and says in one sentence why they failed. */
export async function explained<T>(
  work: Promise<T>,
  who: string,
  { server }: { readonly server: string },
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explainAccess(error, { who, server, by: 'kubeconfig' });
  }
}

interface Sentence {
  readonly reason: string;
  readonly text: string;
}

function sentenceFor(error: unknown, side: Side): Sentence {
  const code = codeOf(error);
  const byCode = code && sentenceByCode(code, error, side);
  return byCode || sentenceByReason(error, side);
}

/** What the network or TLS said. */
function sentenceByCode(code: string, error: unknown, side: Side): Sentence | undefined {
  const { server } = side;
  const host = hostOf(server);
  const address = addressMend(side);
  if (untrusted.has(code)) {
    return {
      reason: 'CertificateNotTrusted',
      text: `the certificate of ${server} is not signed by the CA that was given (${code}); ${authorityMend(side)}`,
    };
  }
  if (code === 'ETIMEDOUT' || code.includes('TIMEOUT')) return timeoutOf(side);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
      return {
        reason: 'NameNotResolved',
        text: `the name "${host}" of ${server} does not resolve; ${address}`,
      };
    case 'ECONNREFUSED':
      return {
        reason: 'ConnectionRefused',
        text: `${server} refuses connections: the API server is not running, or the port is wrong; ${address}`,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { reason: 'Unreachable', text: `there is no route to ${server} from here; ${address}` };
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return {
        reason: 'Unreachable',
        text: `${server} closed the connection: something between may block it, or it is no API server; ${address}`,
      };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        reason: 'CertificateNameMismatch',
        text: `the certificate of ${server} is not made out to "${host}"${altNamesOf(error)}: ${nameMend(side)}`,
      };
    case 'CERT_HAS_EXPIRED':
      return {
        reason: 'CertificateExpired',
        text: `the certificate of ${server} has expired: renew it there`,
      };
    case 'CERT_NOT_YET_VALID':
      return {
        reason: 'CertificateExpired',
        text: `the certificate of ${server} is not valid yet: compare the clocks of both machines`,
      };
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return { reason: 'NotTls', text: `${server} does not speak TLS: is it a plain http port? ${address}` };
  }
  return undefined;
}

/** What the API server said, or that it said nothing. */
function sentenceByReason(error: unknown, side: Side): Sentence {
  const { server, by } = side;
  const stored = by === 'stored';
  switch (error instanceof HansaError ? error.reason : '') {
    case 'Unauthorized':
      return {
        reason: 'Unauthorized',
        text: stored
          ? `${server} refuses the token (401): it is for another cluster, has expired, or its ServiceAccount is gone`
          : `${server} refuses the credentials of the kubeconfig (401): log in again, or name another context`,
      };
    case 'Forbidden':
      return {
        reason: 'Forbidden',
        text: `${messageOf(error)}; ${stored ? 'refresh the rights with --update-rbac' : 'use a context whose user may do that'}`,
      };
    case 'Timeout':
      return timeoutOf(side);
  }
  return { reason: 'Unreachable', text: `${server} can't be used: ${messageOf(error)}` };
}

function timeoutOf(side: Side): Sentence {
  return {
    reason: 'Timeout',
    text: `${side.server} gives no answer: a firewall may drop the packets; ${addressMend(side)}`,
  };
}

function addressMend({ by }: Side): string {
  return by === 'stored' ? 'give the right one with --api-endpoint' : 'check the server in the kubeconfig';
}

function authorityMend({ by }: Side): string {
  return by === 'stored'
    ? 'give the CA of that API server with --certificate-authority'
    : 'check certificate-authority-data in the kubeconfig';
}

function nameMend({ by }: Side): string {
  return by === 'stored'
    ? 'give an address that it names with --api-endpoint'
    : 'use an address that it names, or set tls-server-name in the kubeconfig';
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

/** The first code down the chain of causes; a failed race over several addresses hides them in `errors`. */
function codeOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 8) return undefined;
  const { code, errors } = error as Error & { readonly code?: unknown; readonly errors?: unknown };
  const inner = codeOf(error.cause, depth + 1);
  if (inner) return inner;
  if (Array.isArray(errors)) {
    for (const each of errors) {
      const found = codeOf(each, depth + 1);
      if (found) return found;
    }
  }
  return typeof code === 'string' ? code : undefined;
}

/** Node's own words name who the certificate is for, and that is what a person needs. */
function altNamesOf(error: unknown): string {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1) {
    const names = /cert's (?:altnames|list): (.*)$/.exec(each.message)?.[1];
    if (names) return ` but to ${names.slice(0, 300)}`;
  }
  return '';
}

function hostOf(server: string): string {
  return URL.parse(server)?.hostname ?? server;
}
