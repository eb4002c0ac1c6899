import {
  type CertificateSight,
  type CertificateVerdict,
  certificateVerdict,
  type ClusterSpec,
  type Observed,
} from '../../provision/index.ts';
import { renderFitting } from '../cluster/fit-table.ts';
import { hang } from '../cluster/hang.ts';

export interface CertificateRow {
  readonly machine: string;
  readonly name: string;
  /** RFC 3339. */
  readonly ends: string;
  /** Below zero: it has ended. */
  readonly daysLeft: number;
  /** What signed it, as kubeadm names it; undefined: it is an authority, or nobody knows. */
  readonly authority: string | undefined;
  readonly isAuthority: boolean;
}

export interface ClusterCertificates {
  readonly cluster: string;
  readonly status: CertificateVerdict['status'];
  readonly reason: CertificateVerdict['reason'];
  readonly message: string;
  readonly certificates: readonly CertificateRow[];
  /** Machines that could not be asked, with why. */
  readonly unseen: readonly { readonly machine: string; readonly message: string }[];
}

/** The certificates of a cluster as they were seen, the first to end first on each machine, and what follows from them. */
export function certificatesOf(
  spec: ClusterSpec,
  { machines }: Pick<Observed, 'machines'>,
  sights: readonly CertificateSight[],
  now: number,
): ClusterCertificates {
  const { status, reason, message } = certificateVerdictOf(spec, { machines }, sights, now);
  const order = new Map(spec.machines.map(({ name }, index) => [name, index]));
  return {
    cluster: spec.name,
    status,
    reason,
    message,
    certificates: sights
      .toSorted(
        (a, b) =>
          (order.get(a.machine) ?? Infinity) - (order.get(b.machine) ?? Infinity) ||
          Number(a.isAuthority) - Number(b.isAuthority) ||
          a.notAfter - b.notAfter ||
          a.name.localeCompare(b.name),
      )
      .map((sight) => rowOf(sight, now)),
    unseen: spec.machines.flatMap(({ name }) => {
      const sight = machines[name];
      return sight?.kind === 'unreachable' ? [{ machine: name, message: sight.message }] : [];
    }),
  };
}

/** In words of a shell: with the name of the cluster. */
export function certificateVerdictOf(
  spec: ClusterSpec,
  observed: Pick<Observed, 'machines'>,
  sights: readonly CertificateSight[],
  now: number,
): CertificateVerdict {
  const verdict = certificateVerdict(spec, observed, sights, now);
  return {
    ...verdict,
    message: verdict.message.replaceAll('"hansa certs renew"', `"hansa certs renew ${spec.name}"`),
  };
}

/** Nothing needs to be done about it now. */
export function isWell({ reason }: Pick<CertificateVerdict, 'reason'>): boolean {
  return reason === 'Valid' || reason === 'AuthorityExpiring';
}

export function renderCertificates(
  { cluster, reason, message, certificates, unseen }: ClusterCertificates,
  width?: number,
): string {
  const mark = isWell({ reason }) ? '✓ ' : '✗ ';
  return [
    hang(mark, `${cluster}: ${message}`, width),
    ...unseen.map(({ machine, message: why }) => hang('! ', `${machine} could not be asked: ${why}`, width)),
    ...(certificates.length === 0
      ? []
      : [
          '',
          renderFitting<CertificateRow>(
            [
              { heading: 'MACHINE', cell: ({ machine }) => machine },
              { heading: 'CERTIFICATE', cell: ({ name }) => name },
              { heading: 'ENDS', cell: ({ ends }) => ends.slice(0, 10) },
              { heading: 'LEFT', cell: leftOf, align: 'right' },
              {
                heading: 'AUTHORITY',
                cell: ({ authority, isAuthority }) => (isAuthority ? 'itself' : authority),
                dispensable: 1,
              },
            ],
            certificates,
            { width },
          ),
        ]),
  ].join('\n');
}

const dayMs = 86_400_000;

function rowOf({ machine, name, notAfter, isAuthority }: CertificateSight, now: number): CertificateRow {
  return {
    machine,
    name,
    ends: new Date(notAfter).toISOString(),
    daysLeft: Math.floor((notAfter - now) / dayMs),
    authority: isAuthority ? undefined : authorityOf(name),
    isAuthority,
  };
}

/** As kubeadm signs them. */
function authorityOf(name: string): string {
  if (name.startsWith('etcd-') || name === 'apiserver-etcd-client') return 'etcd-ca';
  return name.startsWith('front-proxy-') ? 'front-proxy-ca' : 'ca';
}

function leftOf({ daysLeft, ends }: CertificateRow): string {
  if (daysLeft >= 2) return `${daysLeft}d`;
  return daysLeft < 0
    ? `ended ${-daysLeft}d ago`
    : `until ${ends.slice(11, 16)}Z${daysLeft === 1 ? ' +1d' : ''}`;
}
