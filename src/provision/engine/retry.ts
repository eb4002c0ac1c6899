import { HansaError, type Rng } from '../../base/index.ts';

/** Times a step is tried in one run. */
const maxAttempts = 3;
const firstDelayMs = 2_000;
const longestDelayMs = 60_000;
/** Who has waited this long already has given the step its chance; another whole attempt only hides the cause. */
const patienceMs = 3 * 60_000;

/** Failures of the way to a machine and of the machine itself, not of the work: tried again however long it took. */
const passing = ['ConnectionLost', 'Unreachable', 'MachineRestarted', 'ChannelRefused'];

export interface Failure {
  readonly error: unknown;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** Since the first attempt began. */
  readonly tookMs: number;
}

/** How long to wait before a step is tried again; undefined: it is not. A failure nobody knows is never tried again. */
export function retryDelayMs({ error, attempt, tookMs }: Failure, rng: Rng): number | undefined {
  if (!(error instanceof HansaError) || error.retry === 'never' || attempt >= maxAttempts) return undefined;
  if (tookMs > patienceMs && !passing.includes(error.reason)) return undefined;
  if (typeof error.retry === 'object') return error.retry.afterMs;
  const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 1), longestDelayMs);
  // Half of it by chance, so that many machines that failed at once don't come back at once.
  return delayMs / 2 + (delayMs / 2) * rng();
}
