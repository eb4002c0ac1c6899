import { type ApiClient, type KubeObject, secretType } from '../kube/index.ts';
import type { CertificateSet, CertificateStore } from '../webhook/index.ts';
import { HansaError } from '../base/index.ts';

export const certificateSecretName = 'hansa-webhook';

/** The webhook's certificates in one Secret of the host, so that every replica serves the same. */
export function certificateSecret(host: ApiClient, namespace: string): CertificateStore {
  const ref = { namespace, name: certificateSecretName };
  let seen: KubeObject | undefined;
  return {
    read: async (signal) => {
      seen = await host.get(secretType, ref, { signal }).catch((error: unknown) => {
        if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
        throw explain(error, namespace);
      });
      return seen && decode(seen);
    },
    write: async (set, signal) => {
      const data = encode(set);
      try {
        if (!seen) {
          const metadata = { ...ref, labels: { 'app.kubernetes.io/managed-by': 'hansa' } };
          const filled = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
          await host.create(
            secretType,
            { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: filled },
            { signal },
          );
          return;
        }
        await host.patch(
          secretType,
          ref,
          // With the version it is refused if another replica was faster.
          { metadata: { resourceVersion: seen.metadata.resourceVersion ?? '' }, data },
          { type: 'merge', signal },
        );
      } catch (error) {
        throw explain(error, namespace);
      }
    },
  };
}

const keys = {
  authority: 'ca.crt',
  authorityKey: 'ca.key',
  next: 'next-ca.crt',
  nextKey: 'next-ca.key',
  previous: 'previous-ca.crt',
  serving: 'tls.crt',
  servingKey: 'tls.key',
} as const;

/** Null takes a key away that an earlier step had left. */
function encode({
  authority,
  next,
  previous,
  serving,
}: CertificateSet): Readonly<Record<string, string | null>> {
  const base64 = (text: string | undefined) =>
    text === undefined ? null : Buffer.from(text, 'utf8').toString('base64');
  return {
    [keys.authority]: base64(authority.certificate),
    [keys.authorityKey]: base64(authority.key),
    [keys.next]: base64(next?.certificate),
    [keys.nextKey]: base64(next?.key),
    [keys.previous]: base64(previous),
    [keys.serving]: base64(serving.certificate),
    [keys.servingKey]: base64(serving.key),
  };
}

function decode(secret: KubeObject): CertificateSet | undefined {
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string | undefined>>;
  const read = (key: string): string | undefined =>
    data[key] ? Buffer.from(data[key], 'base64').toString('utf8') : undefined;
  const pair = (certificateKey: string, keyKey: string) => {
    const certificate = read(certificateKey);
    const key = read(keyKey);
    return certificate && key ? { certificate, key } : undefined;
  };
  const authority = pair(keys.authority, keys.authorityKey);
  const serving = pair(keys.serving, keys.servingKey);
  const next = pair(keys.next, keys.nextKey);
  const previous = read(keys.previous);
  if (!authority || !serving) return undefined;
  return { authority, serving, ...(next ? { next } : {}), ...(previous ? { previous } : {}) };
}

function explain(error: unknown, namespace: string): unknown {
  if (!(error instanceof HansaError) || error.reason !== 'Forbidden') return error;
  return new HansaError(
    `the account of the controller may not keep the Secret ${namespace}/${certificateSecretName}: apply deploy/webhook, which brings an empty one`,
    { reason: error.reason, retry: { afterMs: 60_000 }, cause: error },
  );
}
