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
  /** Others sign it, and give it to the cluster: what they have given last. */
  readonly given?: GivenCertificate;
}

export interface GivenCertificate {
  /** The Secret that brings it. */
  readonly secret: string;
  /** undefined: it has none that can be read. */
  readonly newest: Pick<CertificateSight, 'fingerprint' | 'notAfter'> | undefined;
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

/**
 * Renews certificates of a cluster, one machine after the other. Needs no API server. Without `force` only machines with
 * a certificate that is due.
 */
export function planRenewal(
  spec: ClusterSpec,
  seen: readonly CertificateSight[],
  { now, force = false }: { readonly now: number; readonly force?: boolean },
): Plan {
  const certificates = seen.filter(({ given }) => !given);
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
    const newer = seen.filter(
      (certificate) => certificate.machine === machine.name && hasNewer(certificate, now),
    );
    const first = firstToEnd(due);
    if (!first && newer.length === 0) continue;
    const reasons = [
      ...(first ? [reasonOf(first, now, force)] : []),
      ...new Set(newer.map(({ given, name }) => `the Secret ${given?.secret} has another ${name}`)),
    ];
    const before = steps.at(-1)?.id;
    steps.push(renewalOf(machine.name, machine.role, [...due, ...newer], reasons.join('; '), before));
  }
  if (steps.some(({ exclusive }) => exclusive === 'etcd')) steps.push(kubeconfigAfter(steps));
  return {
    steps,
    refusals: [],
    warnings: steps.length === 0 ? [] : shortAuthorities(spec, certificates, now),
  };
}

/** The Secret has one that is good, and another than the machine. */
export function hasNewer({ given, fingerprint }: CertificateSight, now: number): boolean {
  const newest = given?.newest;
  return newest !== undefined && newest.fingerprint !== fingerprint && newest.notAfter > now;
}

/** The kubelet's own client certificate. */
const kubelet = 'kubelet';

/** A kubelet renews its certificate by itself, as long as it hasn't ended. */
export function rotatesItself({ name, notAfter }: CertificateSight, now: number): boolean {
  return name === kubelet && notAfter > now;
}

/** Due in the last `renewBeforeHours`, or in the last third of a life shorter than three times that. */
export function isDue(
  { notBefore, notAfter }: CertificateSight,
  now: number,
  renewBeforeHours: number,
): boolean {
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

export function firstToEnd(certificates: readonly CertificateSight[]): CertificateSight | undefined {
  return certificates.toSorted((a, b) => a.notAfter - b.notAfter)[0];
}

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function spanOf(ms: number): string {
  if (ms >= 2 * dayMs) return `${Math.floor(ms / dayMs)} days`;
  if (ms >= 2 * hourMs) return `${Math.floor(ms / hourMs)} hours`;
  return `${Math.max(1, Math.floor(ms / 60_000))} minutes`;
}
