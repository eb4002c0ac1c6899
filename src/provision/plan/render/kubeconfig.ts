import { yamlDocuments } from './yaml.ts';

/** Base64, as a kubeconfig has them. */
export interface KubeconfigParts {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export function renderKubeconfig(
  cluster: string,
  server: string,
  { authority, certificate, key }: KubeconfigParts,
): string {
  const user = `${cluster}-admin`;
  return yamlDocuments([
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: cluster, cluster: { 'certificate-authority-data': authority, server } }],
      users: [{ name: user, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
      contexts: [{ name: `${user}@${cluster}`, context: { cluster, user } }],
      'current-context': `${user}@${cluster}`,
    },
  ]);
}
