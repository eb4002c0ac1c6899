import type { HansaError } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';

/** Nothing more to do until something changes. */
export const onChange: Outcome = { again: 'on-change' };

export function after(afterMs: number): Outcome {
  return { again: 'after', afterMs };
}

export function isReason(error: unknown, ...reasons: readonly string[]): error is HansaError {
  return error instanceof Error && 'reason' in error && reasons.includes(String(error.reason));
}
