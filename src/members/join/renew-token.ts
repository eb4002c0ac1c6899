import { HansaError } from '../../base/index.ts';
import { type ApiClient, type KubeObject, secretType } from '../../kube/index.ts';
import { memberAccountAnnotation, tokenExpiresAtAnnotation, tokenIssuedAtAnnotation } from './join-names.ts';
import { serviceAccountType } from './joined-types.ts';

/** A token and its life, by the member's word. The token is a secret: it goes into the host's Secret and nowhere else. */
export interface MemberToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Asked for; the member's API server may give less (some give a day). */
const lifetimeAskedSeconds = 365 * 24 * 3600;
/** A long-lived token is still renewed this often, so that a member may be out of reach for most of a year. */
const renewAfterMaxMs = 30 * 24 * 3600 * 1000;

export interface TokenLife {
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * True when a new token should be asked for: half of its life has gone, or a month.
 *
 * Half, because a member that is out of reach can't give a new one: the other half is the longest outage that costs
 * no credentials.
 */
export function tokenRenewalDue({ issuedAtMs, expiresAtMs }: TokenLife, nowMs: number): boolean {
  const halfLifeMs = Math.max(0, expiresAtMs - issuedAtMs) / 2;
  return nowMs >= issuedAtMs + Math.min(halfLifeMs, renewAfterMaxMs);
}

/** What the host's Secret says of its token; undefined if the token doesn't expire or isn't ours to renew. */
export function tokenLifeOf(
  secret: KubeObject,
): (TokenLife & { readonly account: { readonly namespace: string; readonly name: string } }) | undefined {
  const annotations = secret.metadata.annotations ?? {};
  const issuedAtMs = Date.parse(annotations[tokenIssuedAtAnnotation] ?? '');
  const expiresAtMs = Date.parse(annotations[tokenExpiresAtAnnotation] ?? '');
  const [namespace, name] = (annotations[memberAccountAnnotation] ?? '').split('/');
  if (Number.isNaN(issuedAtMs) || Number.isNaN(expiresAtMs) || !namespace || !name) return undefined;
  return { issuedAtMs, expiresAtMs, account: { namespace, name } };
}

export function tokenAnnotations(
  { issuedAtMs, expiresAtMs }: TokenLife,
  account: { readonly namespace: string; readonly name: string },
): Record<string, string> {
  return {
    [memberAccountAnnotation]: `${account.namespace}/${account.name}`,
    [tokenIssuedAtAnnotation]: new Date(issuedAtMs).toISOString(),
    [tokenExpiresAtAnnotation]: new Date(expiresAtMs).toISOString(),
  };
}

interface TokenRequestAnswer extends KubeObject {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

/**
 * Asks the member for a token of that account. Both join (with an administrator's rights) and the controller (with
 * the account's own) call it.
 */
export async function requestToken(
  member: ApiClient,
  account: { readonly namespace: string; readonly name: string },
  { nowMs, signal }: { readonly nowMs: number; readonly signal?: AbortSignal | undefined },
): Promise<MemberToken> {
  const answer = await member.create<TokenRequestAnswer>(
    serviceAccountType,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: account,
      spec: { expirationSeconds: lifetimeAskedSeconds },
    },
    { subresource: 'token', ...(signal ? { signal } : {}) },
  );
  const token = answer.status?.token;
  const expiresAtMs = Date.parse(answer.status?.expirationTimestamp ?? '');
  if (!token || Number.isNaN(expiresAtMs)) {
    throw new HansaError(
      `${member.server} gave no token for the ServiceAccount ${account.namespace}/${account.name}`,
      {
        reason: 'TokenRefused',
      },
    );
  }
  return { token, issuedAtMs: nowMs, expiresAtMs };
}

/**
 * Puts a new token into the host's Secret.
 *
 * Flow: the account asks for its own next token (the Role that join makes allows that alone), then the Secret changes,
 * and whoever follows Secrets makes a new client.
 * Guarantees: a Secret that changed meanwhile is left alone (Conflict); the old token stays good until it expires.
 */
export async function renewToken({
  host,
  member,
  secret,
  nowMs,
  signal,
}: {
  readonly host: ApiClient;
  readonly member: ApiClient;
  /** The host's Secret, as just read; only its metadata is looked at. */
  readonly secret: KubeObject;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}): Promise<TokenLife> {
  const { namespace, name, resourceVersion } = secret.metadata;
  const life = tokenLifeOf(secret);
  if (!life) {
    throw new HansaError(
      `the Secret ${namespace}/${name} doesn't say whose token it holds: run "hansa join" again`,
      {
        reason: 'TokenNotRenewable',
        retry: 'never',
      },
    );
  }
  const token = await requestToken(member, life.account, { nowMs, signal });
  await host.patch(
    secretType,
    { namespace, name },
    {
      metadata: {
        ...(resourceVersion ? { resourceVersion } : {}),
        annotations: tokenAnnotations(token, life.account),
      },
      data: { token: Buffer.from(token.token).toString('base64') },
    },
    { type: 'merge', fieldManager: 'hansa', ...(signal ? { signal } : {}) },
  );
  return { issuedAtMs: token.issuedAtMs, expiresAtMs: token.expiresAtMs };
}
