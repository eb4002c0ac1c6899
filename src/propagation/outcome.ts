/** Where one federated object stands in one member. */
export type OutcomeKind =
  | { readonly kind: 'in-place'; readonly version: string }
  /** Work is under way or waits for something of its own accord. */
  | {
      readonly kind: 'waiting';
      readonly status: 'WaitingForRemoval' | 'WaitingForRollout';
      readonly message: string;
    }
  | { readonly kind: 'failed'; readonly status: string; readonly message: string };

export type Outcome = OutcomeKind & { readonly sinceMs: number };

/** The same state as before keeps the time since when it holds. */
export function since(next: OutcomeKind, old: Outcome | undefined, nowMs: number): Outcome {
  const same = old?.kind === next.kind && stateOf(old) === stateOf(next);
  return { ...next, sinceMs: same ? old.sinceMs : nowMs };
}

function stateOf(outcome: OutcomeKind): string | undefined {
  return outcome.kind === 'in-place' ? undefined : outcome.status;
}

/** The member has been asked to delete the object, and may still hold it. */
export function isBeingRemoved(outcome: OutcomeKind | undefined): boolean {
  return outcome?.kind === 'waiting' && outcome.status === 'WaitingForRemoval';
}
