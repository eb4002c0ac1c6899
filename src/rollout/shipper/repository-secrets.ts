import { type ApiClient, type KubeObject, secretType } from '../../kube/index.ts';
import { repositorySecretLabel } from '../plan/shipper-door/words.ts';
import {
  type RepositoryAccess,
  repositoryAccess,
  type RepositorySecretData,
} from '../render/repository-access.ts';

/**
 * How to reach the repository of an Application's chart. Shipper's Application has no field for credentials, so that
 * Secrets with our label hold them; the key `url` says for which repository: its address, or the beginning of it. One in
 * the Application's namespace comes before one in Hansa's, a longer address before a shorter.
 */
export async function accessFor(
  host: ApiClient,
  repoUrl: string,
  { namespaces, signal }: { readonly namespaces: readonly string[]; readonly signal: AbortSignal },
): Promise<RepositoryAccess> {
  for (const namespace of new Set(namespaces)) {
    const found: { readonly url: string; readonly data: RepositorySecretData }[] = [];
    const pages = host.list(secretType, { namespace, labelSelector: repositorySecretLabel, signal });
    for await (const { items } of pages) found.push(...items.map(readSecret).filter(fits(repoUrl)));
    const closest = found.toSorted((a, b) => b.url.length - a.url.length)[0];
    if (closest) return repositoryAccess(repoUrl, closest.data);
  }
  return repositoryAccess(repoUrl);
}

function readSecret(secret: KubeObject): { readonly url: string; readonly data: RepositorySecretData } {
  const data = (secret['data'] ?? {}) as RepositorySecretData & { readonly url?: string };
  return {
    url: Buffer.from(data.url ?? '', 'base64')
      .toString('utf8')
      .trim()
      .replace(/\/+$/, ''),
    data,
  };
}

/** A password for one host must not be sent to another whose name begins alike. */
function fits(repoUrl: string): (secret: { readonly url: string }) => boolean {
  return ({ url }) => url !== '' && (repoUrl.replace(/\/+$/, '') === url || repoUrl.startsWith(`${url}/`));
}
