import type { GateQuestion } from './plan/steps/types.ts';
import type { RolloutView } from './mode.ts';

/** One answer of one gate. The counting of good and bad answers is the stepper's. */
export type GateAnswer =
  | { readonly kind: 'good'; readonly message: string }
  | { readonly kind: 'bad'; readonly message: string }
  | { readonly kind: 'inconclusive'; readonly message: string }
  /** Not decided yet, and nothing counts: a Job that runs, a window that is closed. Ask again later. */
  | { readonly kind: 'later'; readonly message: string };

/** Asks the gates that need the outside: Prometheus, webhook, job, window, room. */
export interface GateProbes {
  ask(question: GateQuestion, rollout: RolloutView, signal: AbortSignal): Promise<GateAnswer>;
}
