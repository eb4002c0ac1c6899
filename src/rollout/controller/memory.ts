import type { GateDesk } from './gate-desk.ts';
import type { MemberCalls } from './member-calls.ts';

/** What is remembered of one rollout between its rounds; all of it may be lost. */
export interface Memory {
  readonly calls: MemberCalls;
  readonly desk: GateDesk;
  /** Members that were finished for a revision already: `<member>/<revision>`. */
  readonly finished: Set<string>;
  readonly armed: Map<string, { readonly token: string; readonly atMs: number }>;
  /** Since when a member is in its stage; for the metric alone. */
  readonly stages: Map<string, { readonly stage: string; readonly sinceMs: number }>;
  /** Members that left the plan and were not asked to let go yet. */
  readonly leaving: Set<string>;
  /** Since when a deletion waits for members that refuse. */
  leftAtMs?: number;
}
