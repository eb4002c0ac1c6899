import { X509Certificate } from 'node:crypto';
import { type ClusterSpec, controlPlanes } from './cluster-spec.ts';
import type { Plan, Refusal, Step } from './steps.ts';

/** A certificate on a machine. */
export interface CertificateSight {
  readonly machine: string;
  /** As kubeadm names it: `apiserver`, `etcd-server`, `admin.conf`; `kubelet` for the kubelet's own. */
  readonly name: string;
  readonly isAuthority: boolean;
  /** ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of it, hex. */
  readonly fingerprint: string;
  /** DNS names and addresses it stands for. */
  readonly names: readonly string[];
}

/** Reads one certificate. @throws Error if the text holds none */
export function readCertificate(machine: string, name: string, pem: string | Buffer): CertificateSight {
  const certificate = new X509Certificate(pem);
  return {
    machine,
    name,
    isAuthority: certificate.ca,
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    names: namesIn(certificate.subjectAltName),
  };
}

/** `DNS:m1, IP Address:10.0.0.1` → `m1`, `10.0.0.1`. */
function namesIn(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(', ')
    .map((part) => /^(?:DNS|IP Address):"?([^"]+)"?$/.exec(part)?.[1])
    .filter((name) => name !== undefined);
}

export interface CertificateVerdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason:
    | 'Valid'
    | 'RenewalDue'
    | 'Expired'
    | 'AuthorityExpiring'
    | 'AuthorityExpired'
    | 'ClockWrong'
    | 'NotSeen';
  /** What is so, and what to do. */
  readonly message: string;
  /** Until the first leaf certificate ends; below zero: it has. undefined: none was seen. */
  readonly daysLeft: number | undefined;
  /** ms since 1970. */
  readonly firstExpiry: number | undefined;
}

/** A machine whose clock is further off than this can't judge certificates, and others can't judge by it. */
const maxClockSkewMs = 5 * 60_000;

/** The condition `CertificatesValid` of a cluster. `clockSkewMs` is how far ahead each machine's clock is. */
export function certificateStatus(
  certificates: readonly CertificateSight[],
  {
    now,
    renewBeforeHours,
    clockSkewMs = {},
  }: {
    readonly now: number;
    readonly renewBeforeHours: number;
    readonly clockSkewMs?: Readonly<Record<string, number>>;
  },
): CertificateVerdict {
  const leaf = firstToEnd(
    certificates.filter((certificate) => !certificate.isAuthority && !rotatesItself(certificate, now)),
  );
  const authority = firstToEnd(certificates.filter(({ isAuthority }) => isAuthority));
  const daysLeft = leaf && Math.floor((leaf.notAfter - now) / dayMs);
  const seen = { daysLeft, firstExpiry: leaf?.notAfter };
  const skewed = Object.entries(clockSkewMs).find(([, skew]) => Math.abs(skew) > maxClockSkewMs);
  if (skewed) {
    const [machine, skew] = skewed;
    return {
      ...seen,
      status: 'Unknown',
      reason: 'ClockWrong',
      message: `the clock of ${machine} is ${spanOf(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}, so certificates look younger or older to it than they are: set its clock (chrony, timesyncd)`,
    };
  }
  if (!leaf) {
    return {
      ...seen,
      status: 'Unknown',
      reason: 'NotSeen',
      message: 'no certificate could be read: see whether the control planes can be reached',
    };
  }
  if (authority && authority.notAfter <= now) {
    return {
      ...seen,
      status: 'False',
      reason: 'AuthorityExpired',
      message: `the authority ${authority.name} on ${authority.machine} ended on ${dateOf(authority.notAfter)}: nothing it signed is valid; a new authority must be given to every machine`,
    };
  }
  if (leaf.notAfter <= now) {
    return {
      ...seen,
      status: 'False',
      reason: 'Expired',
      message: `${leaf.name} on ${leaf.machine} expired on ${dateOf(leaf.notAfter)}: run "hansa certs renew"; it works while the API is down`,
    };
  }
  if (authority && authority.notAfter - now < authorityWarningMs) {
    return {
      ...seen,
      status: 'True',
      reason: 'AuthorityExpiring',
      message: `the authority ${authority.name} ends on ${dateOf(authority.notAfter)}; certificates can't outlive it: plan its replacement`,
    };
  }
  if (isDue(leaf, now, renewBeforeHours)) {
    return {
      ...seen,
      status: 'True',
      reason: 'RenewalDue',
      message: `${leaf.name} on ${leaf.machine} ends on ${dateOf(leaf.notAfter)}, in ${spanOf(leaf.notAfter - now)}: it will be renewed; "hansa certs renew" does it now`,
    };
  }
  return {
    ...seen,
    status: 'True',
    reason: 'Valid',
    message: `the first to end is ${leaf.name} on ${leaf.machine}, on ${dateOf(leaf.notAfter)}, in ${spanOf(leaf.notAfter - now)}`,
  };
}

/**
 * Renews certificates of a cluster, one machine after the other. Needs no API server. Without `force` only machines with
 * a certificate that is due.
 */
export function planRenewal(
  spec: ClusterSpec,
  seen: readonly CertificateSight[],
  { now, force = false }: { readonly now: number; readonly force?: boolean },
): Plan {
  const certificates = seen.filter((certificate) => !isOfOthers(spec, certificate));
  const dead = certificates.find(({ isAuthority, notAfter }) => isAuthority && notAfter <= now);
  if (dead) return { steps: [], refusals: [authorityRefusal(dead)], warnings: [] };
  const { renewBeforeHours } = spec.certificates;
  const steps: Step[] = [];
  for (const machine of [...controlPlanes(spec), ...spec.machines.filter(({ role }) => role === 'worker')]) {
    const due = certificates.filter(
      (certificate) =>
        certificate.machine === machine.name &&
        !certificate.isAuthority &&
        !rotatesItself(certificate, now) &&
        (force || isDue(certificate, now, renewBeforeHours)),
    );
    const first = firstToEnd(due);
    if (!first) continue;
    const before = steps.at(-1)?.id;
    steps.push(renewalOf(machine.name, machine.role, due, reasonOf(first, now, force), before));
  }
  if (steps.some(({ exclusive }) => exclusive === 'etcd')) steps.push(kubeconfigAfter(steps));
  return {
    steps,
    refusals: [],
    warnings: steps.length === 0 ? [] : shortAuthorities(spec, certificates, now),
  };
}

/** What an external etcd was given with: its keepers sign it anew, and the Secret brings it. */
function isOfOthers({ etcd }: Pick<ClusterSpec, 'etcd'>, { name }: Pick<CertificateSight, 'name'>): boolean {
  return etcd.kind === 'external' && (name === 'apiserver-etcd-client' || name === 'etcd-ca');
}

/** The kubelet's own client certificate. */
const kubelet = 'kubelet';

/** A kubelet renews its certificate by itself, as long as it hasn't ended. */
function rotatesItself({ name, notAfter }: CertificateSight, now: number): boolean {
  return name === kubelet && notAfter > now;
}

/** Due in the last `renewBeforeHours`, or in the last third of a life shorter than three times that. */
function isDue({ notBefore, notAfter }: CertificateSight, now: number, renewBeforeHours: number): boolean {
  return notAfter - now <= Math.min(renewBeforeHours * hourMs, (notAfter - notBefore) / 3);
}

function renewalOf(
  machine: string,
  role: 'control-plane' | 'worker',
  due: readonly CertificateSight[],
  reason: string,
  before: string | undefined,
): Step {
  return {
    id: `${machine}/renew-certificates`,
    kind: 'renew-certificates',
    machine,
    title: 'renew certificates',
    reason,
    needs: before === undefined ? [] : [before],
    // The step is done when none of these is in use any more: that needs no clock and survives a crash.
    inputs: { replace: due.map(({ fingerprint }) => fingerprint).toSorted() },
    exclusive: role === 'control-plane' ? 'etcd' : undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function kubeconfigAfter(steps: readonly Step[]): Step {
  return {
    id: 'cluster/store-kubeconfig',
    kind: 'store-kubeconfig',
    machine: undefined,
    title: 'store the kubeconfig',
    reason: 'its certificate was renewed',
    needs: steps.slice(-1).map(({ id }) => id),
    inputs: { refresh: hashable(steps) },
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function hashable(steps: readonly Step[]): readonly unknown[] {
  return steps.map(({ inputs }) => inputs.replace);
}

function reasonOf({ name, notAfter }: CertificateSight, now: number, force: boolean): string {
  if (notAfter <= now) return `${name} expired on ${dateOf(notAfter)}`;
  return force
    ? `asked for; ${name} would end on ${dateOf(notAfter)}`
    : `${name} ends on ${dateOf(notAfter)}`;
}

function authorityRefusal({ name, machine, notAfter }: CertificateSight): Refusal {
  return {
    reason: 'AuthorityExpired',
    machine,
    field: undefined,
    message: `the authority ${name} on ${machine} ended on ${dateOf(notAfter)}, so what it signs is worth nothing: replace the authority first`,
  };
}

function shortAuthorities(
  spec: ClusterSpec,
  certificates: readonly CertificateSight[],
  now: number,
): readonly Refusal[] {
  const end = now + spec.certificates.validityHours * hourMs;
  const short = firstToEnd(certificates.filter(({ isAuthority, notAfter }) => isAuthority && notAfter < end));
  if (!short) return [];
  return [
    {
      reason: 'AuthorityEndsFirst',
      machine: short.machine,
      field: 'spec.certificates',
      message: `the authority ${short.name} ends on ${dateOf(short.notAfter)}, before the renewed certificates would: they are worth nothing after that day`,
    },
  ];
}

function firstToEnd(certificates: readonly CertificateSight[]): CertificateSight | undefined {
  return certificates.toSorted((a, b) => a.notAfter - b.notAfter)[0];
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const authorityWarningMs = 365 * dayMs;

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function spanOf(ms: number): string {
  if (ms >= 2 * dayMs) return `${Math.floor(ms / dayMs)} days`;
  if (ms >= 2 * hourMs) return `${Math.floor(ms / hourMs)} hours`;
  return `${Math.max(1, Math.floor(ms / 60_000))} minutes`;
}
