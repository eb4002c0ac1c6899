/** How a failed step is tried again: after a growing delay, never (a person must act), or after a fixed time. */
export type RetryLaw = 'backoff' | 'never' | { readonly afterMs: number };

export interface HansaErrorOptions {
  /** CamelCase, as in Kubernetes conditions; goes into condition, event, metric and log unchanged. */
  readonly reason: string;
  readonly retry?: RetryLaw;
  readonly cause?: unknown;
}

/**
 * A failure with a reason for programs, a sentence for people and a law for trying again.
 * The message says what, where and what to do next; it never carries a secret.
 */
export class HansaError extends Error {
  readonly reason: string;
  readonly retry: RetryLaw;

  constructor(message: string, { reason, retry = 'backoff', cause }: HansaErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HansaError';
    this.reason = reason;
    this.retry = retry;
  }
}

/** The sentence of any thrown value, for messages; causes are appended where they add something. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return cause && !error.message.includes(cause) ? `${error.message}: ${cause}` : error.message;
}
