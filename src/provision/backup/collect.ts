import { createHash } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import { readRemoteFile } from '../etcd/read-remote-file.ts';
import type { RemoteSnapshot } from '../etcd/save-snapshot.ts';
import type { Transport } from '../transport/transport.ts';
import type { ArchiveEntry } from './archive.ts';
import { snapshotPath } from './manifest.ts';

/** What makes a cluster the same cluster: authorities and the key that signs service accounts' tokens. */
const pkiFiles = [
  'ca.crt',
  'ca.key',
  'sa.pub',
  'sa.key',
  'front-proxy-ca.crt',
  'front-proxy-ca.key',
  'etcd/ca.crt',
  'etcd/ca.key',
];
/** Without these a restored cluster refuses its own kubelets and all tokens. Keys of authorities may be kept elsewhere. */
const indispensable = new Set(['ca.crt', 'sa.key', 'sa.pub']);

/** Files of a control plane that belong into a backup, read now; and the snapshot, read when its turn comes. */
export async function collectEntries(
  machine: { readonly transport: Transport },
  snapshot: RemoteSnapshot,
  texts: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<readonly ArchiveEntry[]> {
  const entries: ArchiveEntry[] = Object.entries(texts).map(([path, text]) =>
    entryOf(path, Buffer.from(text)),
  );
  const options = signal ? { signal } : {};
  for (const file of pkiFiles) {
    const content = await machine.transport.readFile(`/etc/kubernetes/pki/${file}`, options);
    if (content) entries.push(entryOf(`pki/${file}`, content));
    else if (indispensable.has(file)) {
      throw new HansaError(
        `${machine.transport.address} has no /etc/kubernetes/pki/${file}, and a backup without it could not be restored`,
        { reason: 'PkiIncomplete', retry: 'never' },
      );
    }
  }
  for (const path of await encryptionConfigs(machine, signal)) {
    const content = await machine.transport.readFile(path, options);
    if (content) entries.push(entryOf(`files${path}`, content));
  }
  return [
    ...entries,
    {
      path: snapshotPath,
      sizeBytes: snapshot.sizeBytes,
      sha256: snapshot.sha256,
      content: () => readRemoteFile(machine, snapshot.path, { sizeBytes: snapshot.sizeBytes, signal }),
    },
  ];
}

/** Without its encryption configuration an API server can't read the Secrets in the snapshot. */
async function encryptionConfigs(
  machine: { readonly transport: Transport },
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const manifest = await machine.transport.readFile(
    '/etc/kubernetes/manifests/kube-apiserver.yaml',
    signal ? { signal } : {},
  );
  const found = /--encryption-provider-config=([^\s"']+)/.exec(manifest?.toString('utf8') ?? '');
  return found?.[1] ? [found[1]] : [];
}

function entryOf(path: string, content: Buffer): ArchiveEntry {
  return {
    path,
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    async *content() {
      yield content;
    },
  };
}
