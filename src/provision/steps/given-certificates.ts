import { createPrivateKey, X509Certificate } from 'node:crypto';
import { HansaError } from '../../base/index.ts';
import type { Machine, SecretStore, StepContext } from '../engine/executor.ts';
import { type CertificateSight, type GivenCertificate, readCertificate } from '../plan/certificates.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { Step } from '../plan/steps.ts';
import { externalEtcdPki, pkiLibrary, stagedPki, stagePki } from './pki-files.ts';
import { mustRunToEnd } from './run-to-end.ts';

/** Certificates on machines that come from the Secret of an external etcd, and where they stand in it. */
const givenIn: Readonly<Record<string, string>> = {
  'apiserver-etcd-client': 'tls.crt',
  'etcd-ca': 'ca.crt',
};

/** Tells of each certificate that others give what they have given last. */
export async function markGiven(
  { etcd }: Pick<ClusterSpec, 'etcd'>,
  secrets: SecretStore,
): Promise<(sight: CertificateSight) => CertificateSight> {
  if (etcd.kind !== 'external') return (sight) => sight;
  const values = (await secrets.get(etcd.secretName)) ?? {};
  const given = Object.fromEntries(
    Object.entries(givenIn).map(([name, field]): [string, GivenCertificate] => [
      name,
      { secret: etcd.secretName, newest: readable(values[field]) },
    ]),
  );
  return (sight) => {
    const mark = given[sight.name];
    return mark ? { ...sight, given: mark } : sight;
  };
}

function readable(pem: string | undefined): GivenCertificate['newest'] {
  try {
    return pem === undefined ? undefined : readCertificate('', '', pem);
  } catch {
    return undefined;
  }
}

export function isGiven({ etcd }: Pick<ClusterSpec, 'etcd'>, name: string): boolean {
  return etcd.kind === 'external' && name in givenIn;
}

/**
 * Puts what the Secret of an external etcd has in place, once one of its endpoints has let this machine in with it.
 * @throws HansaError SecretIncomplete, CertificateInvalid, EtcdRefused
 */
export async function installGiven(context: StepContext, step: Step, machine: Machine): Promise<void> {
  const { cluster, secrets } = context;
  if (cluster.etcd.kind !== 'external') return;
  const { secretName, endpoints } = cluster.etcd;
  const files = await externalEtcdPki(cluster, secrets);
  const text = (ending: string) => String(files.find(({ name }) => name.endsWith(ending))?.content);
  refuseForeignKey(secretName, text('client.crt'), text('client.key'));
  context.update(`trying the certificate of the Secret ${secretName}`);
  await stagePki(context, machine, files);
  await mustRunToEnd(context, step, machine, {
    what: 'install-etcd-client',
    script: installScript,
    args: [...endpoints],
    deadlineMs: 2 * 60_000,
    reason: 'EtcdRefused',
    mend: `the old certificate stays; see that the Secret ${secretName} has a certificate that etcd takes, its key, and the authority of etcd's own`,
    retry: 'never',
  });
}

function refuseForeignKey(secret: string, certificate: string, key: string): void {
  const matches = (() => {
    try {
      return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    } catch {
      return false;
    }
  })();
  if (matches) return;
  throw new HansaError(
    `tls.key of the Secret ${secret} is not the key of its tls.crt: put in the pair as it was made`,
    {
      reason: 'CertificateInvalid',
      retry: 'never',
    },
  );
}

// kubectl is on every machine, speaks TLS with a client certificate, and /health of etcd asks for no more.
const installScript = `${pkiLibrary}
trap drop_staged_pki EXIT
for endpoint in "$@"; do
  if said=$(kubectl --kubeconfig /dev/null --server "$endpoint" --certificate-authority ${stagedPki}/etcd/ca.crt \\
    --client-certificate ${stagedPki}/apiserver-etcd-client.crt --client-key ${stagedPki}/apiserver-etcd-client.key \\
    --request-timeout=10s get --raw /health 2>&1); then
    install_pki
    exit 0
  fi
  echo "$endpoint: $said" >&2
done
exit 1
`;
