/** One step of the life of the webhook's certificates; each is written to the Secret before the next is decided. */
export type CertificateStep =
  /** There is nothing yet, or nothing that can be read. */
  | 'start'
  /** Make the next authority, so that members learn to trust it before anything is signed by it. */
  | 'announce'
  /** Sign with the next authority. */
  | 'switch'
  /** The authority before has ended. */
  | 'forget'
  /** A new serving certificate: the old one ends soon, or has other names. */
  | 'reissue';

export interface CertificateDates {
  readonly authorityEndsMs: number;
  readonly nextStartedMs: number | undefined;
  readonly previousEndsMs: number | undefined;
  readonly servingEndsMs: number;
  readonly names: readonly string[];
}

const dayMs = 24 * 60 * 60_000;
/** A serving certificate lives 90 days, so a controller that is away for a month breaks nothing. */
const servingLeftMs = 30 * dayMs;
const authorityLeftMs = 365 * dayMs;
/** Time in which every member that answers at all has got the new bundle. */
const announcedForMs = 7 * dayMs;

/** What is due now; undefined if nothing is. */
export function planRenewal(
  dates: CertificateDates | undefined,
  { names, nowMs }: { readonly names: readonly string[]; readonly nowMs: number },
): CertificateStep | undefined {
  if (!dates || dates.authorityEndsMs <= nowMs) return 'start';
  const { authorityEndsMs, nextStartedMs, previousEndsMs, servingEndsMs } = dates;
  if (nextStartedMs === undefined && authorityEndsMs - nowMs < authorityLeftMs) return 'announce';
  if (nextStartedMs !== undefined && nowMs - nextStartedMs >= announcedForMs) return 'switch';
  if (previousEndsMs !== undefined && previousEndsMs <= nowMs) return 'forget';
  const lacksName = names.some((name) => !dates.names.includes(name));
  return servingEndsMs - nowMs < servingLeftMs || lacksName ? 'reissue' : undefined;
}
