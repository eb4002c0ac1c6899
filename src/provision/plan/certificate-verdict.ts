import {
  type CertificateSight,
  dateOf,
  dayMs,
  firstToEnd,
  hasNewer,
  isDue,
  rotatesItself,
  spanOf,
} from './certificates.ts';
import type { ClusterSpec } from './cluster-spec.ts';
import type { Observed } from './facts.ts';

export interface CertificateVerdict {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason:
    | 'Valid'
    | 'RenewalDue'
    | 'Expired'
    /** Ends soon or has ended, and only those who sign it can give a new one. */
    | 'ReplacementDue'
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

/** The condition `CertificatesValid` of a cluster as it was seen. */
export function certificateVerdict(
  { certificates: { renewBeforeHours } }: Pick<ClusterSpec, 'certificates'>,
  { machines }: Pick<Observed, 'machines'>,
  sights: readonly CertificateSight[],
  now: number,
): CertificateVerdict {
  return certificateStatus(sights, { now, renewBeforeHours, clockSkewMs: clockSkews(machines) });
}

function clockSkews(machines: Observed['machines']): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(machines).flatMap(([name, sight]) =>
      sight.kind === 'seen'
        ? [[name, (sight.facts.clockSeconds - sight.facts.askedAtSeconds) * 1000] as const]
        : [],
    ),
  );
}

/** A machine whose clock is further off than this can't judge certificates, and others can't judge by it. */
const maxClockSkewMs = 5 * 60_000;
const authorityWarningMs = 365 * dayMs;

/** As `certificateVerdict`; `clockSkewMs` is how far ahead each machine's clock is. */
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
  const leaves = certificates.filter((each) => !each.isAuthority && !rotatesItself(each, now));
  const leaf = firstToEnd(leaves);
  const own = firstToEnd(leaves.filter(({ given }) => !given));
  const given = firstToEnd(certificates.filter((each) => each.given));
  const newer = certificates.find((each) => hasNewer(each, now));
  const authority = firstToEnd(certificates.filter((each) => each.isAuthority && !each.given));
  const verdict = (
    status: CertificateVerdict['status'],
    reason: CertificateVerdict['reason'],
    message: string,
  ): CertificateVerdict => ({
    status,
    reason,
    message,
    daysLeft: leaf && Math.floor((leaf.notAfter - now) / dayMs),
    firstExpiry: leaf?.notAfter,
  });

  const skewed = Object.entries(clockSkewMs).find(([, skew]) => Math.abs(skew) > maxClockSkewMs);
  if (skewed) {
    const [machine, skew] = skewed;
    return verdict(
      'Unknown',
      'ClockWrong',
      `the clock of ${machine} is ${spanOf(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}, so certificates look younger or older to it than they are: set its clock (chrony, timesyncd)`,
    );
  }
  if (!leaf) {
    return verdict(
      'Unknown',
      'NotSeen',
      'no certificate could be read: see whether the control planes can be reached',
    );
  }
  if (authority && authority.notAfter <= now) {
    return verdict(
      'False',
      'AuthorityExpired',
      `the authority ${authority.name} on ${authority.machine} ended on ${dateOf(authority.notAfter)}: nothing it signed is valid; a new authority must be given to every machine`,
    );
  }
  if (own && own.notAfter <= now) {
    return verdict(
      'False',
      'Expired',
      `${own.name} on ${own.machine} expired on ${dateOf(own.notAfter)}: run "hansa certs renew"; it works while the API is down`,
    );
  }
  if (newer?.given) {
    const isOver = newer.notAfter <= now;
    return verdict(
      isOver ? 'False' : 'True',
      isOver ? 'Expired' : 'RenewalDue',
      `${newer.machine} has another ${newer.name} than the Secret ${newer.given.secret}: it will be brought there; "hansa certs renew" does it now`,
    );
  }
  if (given?.given && given.notAfter <= now) {
    return verdict('False', 'ReplacementDue', `${endOf(given)}: ${mendOf(given)}`);
  }
  if (own && isDue(own, now, renewBeforeHours)) {
    return verdict(
      'True',
      'RenewalDue',
      `${own.name} on ${own.machine} ends on ${dateOf(own.notAfter)}, in ${spanOf(own.notAfter - now)}: it will be renewed; "hansa certs renew" does it now`,
    );
  }
  if (given?.given && isDue(given, now, renewBeforeHours)) {
    return verdict(
      'True',
      'ReplacementDue',
      `${given.name} on ${given.machine} ends on ${dateOf(given.notAfter)}, in ${spanOf(given.notAfter - now)}: ${mendOf(given)}`,
    );
  }
  if (authority && authority.notAfter - now < authorityWarningMs) {
    return verdict(
      'True',
      'AuthorityExpiring',
      `the authority ${authority.name} ends on ${dateOf(authority.notAfter)}; certificates can't outlive it: plan its replacement`,
    );
  }
  return verdict(
    'True',
    'Valid',
    `the first to end is ${leaf.name} on ${leaf.machine}, on ${dateOf(leaf.notAfter)}, in ${spanOf(leaf.notAfter - now)}`,
  );
}

function endOf({ name, machine, notAfter }: CertificateSight): string {
  return `${name} on ${machine} expired on ${dateOf(notAfter)}`;
}

function mendOf({ given }: CertificateSight): string {
  return `put a new one, which those who sign it must give, into the Secret ${given?.secret} and run "hansa certs renew"`;
}
