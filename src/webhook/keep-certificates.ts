import { type Clock, HansaError, type Logger, messageOf, type Rng } from '../base/index.ts';
import { bundleOf, carryOutStep, type CertificateSet, datesOf } from './certificates.ts';
import { planRenewal } from './plan-renewal.ts';

/** Where the certificates lie; several processes use it at once. */
export interface CertificateStore {
  /** Undefined if there are none yet. */
  read(signal: AbortSignal): Promise<CertificateSet | undefined>;
  /** Writes only if nobody else has since `read`. @throws HansaError Conflict, AlreadyExists */
  write(set: CertificateSet, signal: AbortSignal): Promise<void>;
}

export interface KeepCertificatesOptions {
  readonly store: CertificateStore;
  /** DNS names and addresses under which the webhook is called. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly onChange: (set: CertificateSet) => void;
}

/** Often enough for steps that are days apart, and for a process that only follows what others renew. */
const lookEveryMs = 10 * 60_000;
/** Each conflict means that another process has made a step, and there are only five kinds of them. */
const maxAttempts = 10;

/**
 * Reads the certificates and brings them up to date. Several processes may do so at once: who loses a race reads again.
 * @throws HansaError of the store
 */
export async function ensureCertificates(
  { store, names, clock }: Pick<KeepCertificatesOptions, 'store' | 'names' | 'clock'>,
  signal: AbortSignal,
): Promise<CertificateSet> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const set = await store.read(signal);
    const nowMs = clock.now();
    const step = planRenewal(set && datesOf(set), { names, nowMs });
    if (set && !step) return set;
    try {
      await store.write(await carryOutStep(set, step ?? 'start', { names, nowMs }), signal);
    } catch (error) {
      const isLost = error instanceof HansaError && ['Conflict', 'AlreadyExists'].includes(error.reason);
      if (!isLost) throw error;
    }
  }
  throw new HansaError('the certificates of the webhook change faster than they can be read', {
    reason: 'Conflict',
  });
}

/** Keeps them up to date until the signal; tells each change, whoever made it. */
export async function keepCertificates(
  options: KeepCertificatesOptions,
  first: CertificateSet,
  signal: AbortSignal,
): Promise<void> {
  const { clock, rng, logger, onChange } = options;
  let current = first;
  while (!signal.aborted) {
    try {
      await clock.sleep(lookEveryMs * (0.9 + 0.2 * rng()), signal);
      const set = await ensureCertificates(options, signal);
      if (set.serving.certificate === current.serving.certificate && bundleOf(set) === bundleOf(current))
        continue;
      current = set;
      logger.info('webhook certificates renewed');
      onChange(set);
    } catch (error) {
      // What is served goes on being good for weeks.
      if (!signal.aborted) logger.warn('webhook certificates not looked at', { error: messageOf(error) });
    }
  }
}
