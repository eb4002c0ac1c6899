import { HansaError, messageOf } from '../../base/index.ts';

/** Reasons a transport throws. */
export type TransportFailure =
  | 'Unreachable'
  | 'HostKeyChanged'
  | 'HostKeyUnknown'
  | 'AuthenticationFailed'
  | 'SudoFailed'
  | 'DeadlineExceeded'
  | 'ConnectionLost'
  | 'ChannelRefused';

export function hasReason(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof HansaError && reasons.includes(error.reason);
}

export function connectionLost(address: string, doing: string, cause?: unknown): HansaError {
  return new HansaError(
    `the connection to ${address} was lost: ${doing}${cause === undefined ? '' : ` (${messageOf(cause)})`}: ` +
      'whether that came to its end is not known; look at the machine before doing it again',
    { reason: 'ConnectionLost', cause },
  );
}

export function deadlineExceeded(address: string, doing: string, deadlineMs: number): HansaError {
  return new HansaError(
    `${doing} on ${address} took longer than ${Math.round(deadlineMs / 1000)} s and was given up: ` +
      'see whether the machine is overloaded or the command waits for something',
    { reason: 'DeadlineExceeded' },
  );
}

/** As it is where nothing in it is a secret; else without its cause, which may tell more. */
export function maskError(error: unknown, mask: (text: string) => string): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  const cause = error.cause instanceof Error ? error.cause.message : '';
  if (mask(message) === message && mask(cause) === cause) return error;
  const { reason, retry } =
    error instanceof HansaError ? error : { reason: 'Failed', retry: 'backoff' as const };
  return new HansaError(mask(message), { reason, retry });
}

/** Rejects with the reason of the signal as soon as it fires; else as the promise does. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(reasonOf(signal));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The signal, and a bound of our own that fires with DeadlineExceeded. */
export function bounded(signal: AbortSignal | undefined, deadlineMs: number, late: () => Error): Bounded {
  const bound = new AbortController();
  const timer = setTimeout(() => bound.abort(late()), deadlineMs);
  return {
    signal: signal ? AbortSignal.any([signal, bound.signal]) : bound.signal,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

export interface Bounded extends Disposable {
  readonly signal: AbortSignal;
}

export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
