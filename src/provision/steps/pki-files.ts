import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';

/** Waits here until `kubeadm` runs; then its script moves it to its place. Of root alone. */
export const stagedPki = '/etc/kubernetes/hansa/pki';
export const pki = '/etc/kubernetes/pki';

interface PkiPair {
  /** After the cluster's name in the secret's. */
  readonly secret: string;
  readonly certificate: string;
  readonly key: string;
}

const pairs: readonly PkiPair[] = [
  { secret: 'ca', certificate: 'ca.crt', key: 'ca.key' },
  { secret: 'proxy', certificate: 'front-proxy-ca.crt', key: 'front-proxy-ca.key' },
  { secret: 'sa', certificate: 'sa.pub', key: 'sa.key' },
];
const etcdPair: PkiPair = { secret: 'etcd', certificate: 'etcd/ca.crt', key: 'etcd/ca.key' };

/** What is the same on every control plane of a cluster and can't be made anew. */
export function sharedPairs({ etcd }: Pick<ClusterSpec, 'etcd'>): readonly PkiPair[] {
  return etcd.kind === 'stacked' ? [...pairs, etcdPair] : pairs;
}

export interface PkiFile {
  /** Below /etc/kubernetes/pki. */
  readonly name: string;
  readonly content: string | Buffer;
}

/** What the secrets store has: a CA of the user's before the first control plane, later the cluster's own. */
export async function pkiInStore({ cluster, secrets }: StepContext): Promise<readonly PkiFile[]> {
  const files: PkiFile[] = [];
  for (const { secret, certificate, key } of sharedPairs(cluster)) {
    const values = await secrets.get(`${cluster.name}-${secret}`);
    if (values?.['tls.crt']) files.push({ name: certificate, content: values['tls.crt'] });
    if (values?.['tls.key']) files.push({ name: key, content: values['tls.key'] });
  }
  return [...files, ...(await externalEtcdPki(cluster, secrets))];
}

/** What the keepers of an external etcd have given; none for one of our own. @throws HansaError SecretIncomplete */
export async function externalEtcdPki(
  cluster: ClusterSpec,
  secrets: StepContext['secrets'],
): Promise<readonly PkiFile[]> {
  if (cluster.etcd.kind !== 'external') return [];
  const { secretName } = cluster.etcd;
  const values = await secrets.get(secretName);
  const part = (name: string): string => {
    const value = values?.[name];
    if (value) return value;
    throw new HansaError(
      `the Secret ${secretName} with the credentials of the external etcd lacks ${name}: it needs ca.crt, tls.crt and tls.key`,
      { reason: 'SecretIncomplete', retry: 'never' },
    );
  };
  return [
    { name: 'etcd/ca.crt', content: part('ca.crt') },
    { name: 'apiserver-etcd-client.crt', content: part('tls.crt') },
    { name: 'apiserver-etcd-client.key', content: part('tls.key') },
  ];
}

/** From a control plane that is well; what it lacks (a CA key kept elsewhere), from the secrets store. */
export async function readSharedPki(context: StepContext, from: Machine): Promise<readonly PkiFile[]> {
  const stored = new Map((await pkiInStore(context)).map((file) => [file.name, file]));
  const files: PkiFile[] = [];
  for (const { certificate, key } of sharedPairs(context.cluster)) {
    for (const name of [certificate, key]) {
      const content = await from.transport.readFile(`${pki}/${name}`, { signal: context.signal });
      const file = content ? { name, content } : stored.get(name);
      if (!file) {
        throw new HansaError(
          `neither ${from.spec.name} nor the stored secrets have ${name} of the PKI of ${context.cluster.name}: put it into the Secret ${context.cluster.name}-ca, -proxy, -sa or -etcd it belongs to`,
          { reason: 'PkiIncomplete', retry: 'never' },
        );
      }
      files.push(file);
    }
  }
  return context.cluster.etcd.kind === 'external'
    ? [...files, ...(await externalEtcdPki(context.cluster, context.secrets))]
    : files;
}

/** Puts files where `kubeadm`'s script finds them; over the wire as content, never as arguments. */
export async function stagePki(
  { signal }: Pick<StepContext, 'signal'>,
  machine: Machine,
  files: readonly PkiFile[],
): Promise<void> {
  await machine.transport.exec({
    script: 'mkdir -p -m 700 "$1" "$1/etcd"',
    args: [stagedPki],
    root: true,
    signal,
  });
  for (const { name, content } of files) {
    await machine.transport.writeFile({ path: `${stagedPki}/${name}`, content, mode: 0o600 }, signal);
  }
}

/** Keeps the cluster's PKI where its secrets are kept: without `sa.key` and the CAs, a backup of etcd alone restores little. */
export async function storePki({ cluster, secrets, signal }: StepContext, from: Machine): Promise<void> {
  for (const { secret, certificate, key } of sharedPairs(cluster)) {
    const name = `${cluster.name}-${secret}`;
    const [tlsCertificate, tlsKey] = await Promise.all(
      [certificate, key].map((file) => from.transport.readFile(`${pki}/${file}`, { signal })),
    );
    const before = await secrets.get(name);
    const values = {
      ...before,
      ...(tlsCertificate && { 'tls.crt': tlsCertificate.toString('utf8') }),
      ...(tlsKey && { 'tls.key': tlsKey.toString('utf8') }),
    };
    const isSame = Object.entries(values).every(([field, value]) => before?.[field] === value);
    if (!isSame) await secrets.put(name, values);
  }
}

/** Shell function `install_pki`: moves what was staged to its place, with the modes kubeadm gives. */
export const pkiLibrary = `
staged=${stagedPki}
install_pki() {
  [ -d "$staged" ] || return 0
  mkdir -p -m 755 ${pki}/etcd
  for file in "$staged"/*.crt "$staged"/*.pub "$staged"/*.key "$staged"/etcd/*.crt "$staged"/etcd/*.key; do
    [ -f "$file" ] || continue
    case $file in *.key) mode=600 ;; *) mode=644 ;; esac
    install -m "$mode" "$file" "${pki}/\${file#"$staged/"}"
  done
  sync
}
drop_staged_pki() {
  rm -rf -- "$staged"
}
`;
