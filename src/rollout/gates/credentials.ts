import { HansaError, messageOf } from '../../base/index.ts';
import { type ApiClient, type KubeObject, secretType } from '../../kube/index.ts';
import { joinedAsLabel } from '../../members/join/index.ts';

/** What a Secret gives for a call: header fields, an authority, an address; and all that must not be shown. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly url: string | undefined;
  readonly secrets: readonly string[];
}

export const noCredentials: Credentials = { headers: {}, ca: undefined, url: undefined, secrets: [] };

/**
 * Reads a Secret beside the rollout: `token`, or `username` and `password`; `ca.crt` and `url` if they are there.
 *
 * Whoever may write a Rollout names both the Secret and the address it is sent to, so the tokens of ServiceAccounts
 * and of members are refused: they are not meant for other servers.
 * @throws HansaError SecretNotFound, SecretUnreadable, SecretRefused
 */
export async function readCredentials(
  host: ApiClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<Credentials> {
  const secret = await readSecret(host, { namespace, name }, options);
  if (secret.type === 'kubernetes.io/service-account-token' || secret.metadata.labels?.[joinedAsLabel]) {
    throw new HansaError(
      `the Secret ${namespace}/${name} holds a token for a cluster, which must not be sent elsewhere: name another`,
      { reason: 'SecretRefused', retry: 'never' },
    );
  }
  const data = (secret.data ?? {}) as Readonly<Record<string, string>>;
  const textOf = (key: string) => {
    const value = data[key];
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  // A file that was made with an editor ends with a line break, which no header field may have.
  const token = textOf('token')?.trim();
  const username = textOf('username')?.trim();
  const password = textOf('password')?.trim() ?? '';
  const url = textOf('url')?.trim();
  const basic =
    username === undefined ? undefined : Buffer.from(`${username}:${password}`).toString('base64');
  return {
    headers: authorization(token, basic),
    ca: textOf('ca.crt'),
    url,
    secrets: [token, password, basic, url].filter((text): text is string => Boolean(text)),
  };
}

function authorization(
  token: string | undefined,
  basic: string | undefined,
): Readonly<Record<string, string>> {
  if (token) return { authorization: `Bearer ${token}` };
  return basic ? { authorization: `Basic ${basic}` } : {};
}

async function readSecret(
  host: ApiClient,
  ref: { readonly namespace: string; readonly name: string },
  options: { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<KubeObject> {
  const { namespace, name } = ref;
  try {
    return await host.get(secretType, ref, options);
  } catch (error) {
    if (options.signal.aborted) throw error;
    if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason)) {
      throw new HansaError(`the Secret ${namespace}/${name} does not exist: create it, or change secretRef`, {
        reason: 'SecretNotFound',
        cause: error,
      });
    }
    throw new HansaError(`the Secret ${namespace}/${name} cannot be read: ${messageOf(error)}`, {
      reason: 'SecretUnreadable',
      cause: error,
    });
  }
}
