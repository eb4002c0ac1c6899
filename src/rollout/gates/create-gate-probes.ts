import { HansaError } from '../../base/index.ts';
import type { RolloutMetrics } from '../controller/metrics.ts';
import type { GateAnswer, GateProbes } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import { answerFromWindow, kindOf } from '../plan/gates/index.ts';
import type { GateQuestion } from '../plan/steps/types.ts';
import { askPrometheus } from './ask-prometheus.ts';
import { askRoom } from './ask-room.ts';
import { askWebhook } from './ask-webhook.ts';
import { defaultTimeouts, type GateTimeouts, type ProbeDeps } from './probe-deps.ts';
import { runJob } from './run-job.ts';

export interface GateProbesOptions extends Omit<ProbeDeps, 'timeouts'> {
  readonly timeouts?: Partial<GateTimeouts>;
  readonly metrics?: Pick<RolloutMetrics, 'onGate'>;
}

/**
 * Asks gates.
 *
 * Guarantees: each question ends within its time limits; what fails on the way (no Secret, no answer, a wrong address)
 * is an inconclusive answer with a sentence, never an exception; messages hold no secrets.
 * Caveats: addresses are those that authors of Rollouts wrote, called from where the controller runs; a NetworkPolicy
 * is the place to limit them.
 */
export function createGateProbes({ timeouts, metrics, ...rest }: GateProbesOptions): GateProbes {
  const deps: ProbeDeps = { ...rest, timeouts: { ...defaultTimeouts, ...timeouts } };
  return {
    ask: async (question, rollout, signal) => {
      const startedMs = deps.clock.monotonic();
      const answer = await askSafely(deps, question, rollout, signal);
      metrics?.onGate({
        kind: kindOf(question.gate),
        answer: answer.kind,
        tookMs: deps.clock.monotonic() - startedMs,
      });
      return answer;
    },
  };
}

async function askSafely(
  deps: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  try {
    return await ask(deps, question, rollout, signal);
  } catch (error) {
    // Only what was thrown for people may be shown: other errors may hold addresses or header fields.
    if (signal.aborted || !(error instanceof HansaError)) throw error;
    return { kind: 'inconclusive', message: error.message };
  }
}

async function ask(
  deps: ProbeDeps,
  question: GateQuestion,
  rollout: RolloutView,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const { prometheus, webhook, window } = question.gate;
  const kind = kindOf(question.gate);
  switch (kind) {
    case 'prometheus':
      return prometheus ? askPrometheus(deps, prometheus, question, rollout, signal) : notOurs(kind);
    case 'webhook':
      return webhook ? askWebhook(deps, webhook, question, rollout, signal) : notOurs(kind);
    case 'job':
      return runJob(deps, question, rollout, signal);
    case 'window':
      return window ? answerFromWindow(window, deps.clock.now()) : notOurs(kind);
    case 'room':
      return askRoom(deps, question, rollout, signal);
    case 'approval':
      return { kind: 'later', message: 'a person must say "hansa rollout promote"' };
    case 'ready':
      return notOurs(kind);
  }
}

/** The stepper sees readiness itself. */
function notOurs(kind: string): GateAnswer {
  return { kind: 'good', message: `${kind} is judged by the rollout itself` };
}
