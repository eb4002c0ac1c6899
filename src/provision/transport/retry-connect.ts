import { type Clock, HansaError, type Logger, type Rng } from '../../base/index.ts';
import type { ConnectLimits } from './connect-options.ts';
import { hasReason } from './failures.ts';

export interface RetryDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly limits: ConnectLimits;
}

const longestDelayMs = 10_000;

/** Tries to connect until it works, as long as the machine only can't be reached. Anything else a person must mend. */
export async function retryConnect<T>(
  address: string,
  connect: (signal: AbortSignal) => Promise<T>,
  { clock, rng, logger, limits }: RetryDeps,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      signal.throwIfAborted();
      return await connect(signal);
    } catch (error) {
      if (!hasReason(error, 'Unreachable') || attempt >= limits.connectAttempts || signal.aborted) {
        throw attempt > 1 ? withAttempts(error, attempt) : error;
      }
      // Half of it by chance, so that many machines behind one restarted switch don't come in step.
      const delayMs = Math.min(limits.retryDelayMs * 2 ** (attempt - 1), longestDelayMs) * (0.5 + rng() / 2);
      logger.debug('machine not reached, trying again', { address, attempt, delayMs: Math.round(delayMs) });
      await clock.sleep(delayMs, signal);
    }
  }
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof HansaError) || error.reason !== 'Unreachable') return error;
  return new HansaError(`${error.message} (${attempts} attempts)`, {
    reason: error.reason,
    retry: error.retry,
    cause: error.cause,
  });
}
