import { stringify } from 'yaml';
import type { KeyPair } from './pki.ts';

export interface KubeconfigEntry {
  /** Name of the cluster and the context. */
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly user: KeyPair;
}

/** A kubeconfig with everything inside, one context an entry; the first is the current one. */
export function kubeconfigText(entries: readonly KubeconfigEntry[]): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': entries[0]?.name ?? '',
    clusters: entries.map(({ name, server, ca }) => ({
      name,
      cluster: { server, 'certificate-authority-data': base64(ca) },
    })),
    contexts: entries.map(({ name }) => ({ name, context: { cluster: name, user: `${name}-admin` } })),
    users: entries.map(({ name, user }) => ({
      name: `${name}-admin`,
      user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
    })),
  });
}

export function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
