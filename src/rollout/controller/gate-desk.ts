import { durationMs } from '../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import { type Clock, type Logger, messageOf } from '../../base/index.ts';
import type { GateAnswer, GateProbes } from '../gates.ts';
import type { RolloutView } from '../mode.ts';
import { judgeGate } from '../plan/steps/index.ts';
import type { GateQuestion, RolloutGateStatus } from '../plan/steps/types.ts';

/** Questions that are out at once for one rollout. */
const maxAsking = 32;
const defaultIntervalMs = 10_000;

interface Answered {
  readonly question: GateQuestion;
  readonly answer: GateAnswer;
  readonly at: string;
}

/**
 * Asks the gates of one rollout without holding up its members: a question goes out, and its answer counts in the round
 * after it came.
 */
export class GateDesk {
  readonly #probes: GateProbes;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onAnswer: () => void;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #answers: Answered[] = [];
  /** "Not yet" counts nothing, so the status doesn't say when it was heard. */
  readonly #laterAt = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(deps: {
    readonly probes: GateProbes;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly onAnswer: () => void;
  }) {
    this.#probes = deps.probes;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#onAnswer = deps.onAnswer;
  }

  /** The gates with what was answered since the last round. */
  fold(gates: readonly RolloutGateStatus[] | undefined): readonly RolloutGateStatus[] | undefined {
    if (this.#answers.length === 0) return gates;
    const known = new Map((gates ?? []).map((gate) => [gate.key, gate]));
    for (const { question, answer, at } of this.#answers.splice(0)) {
      const before = known.get(question.key);
      // The run that it was asked for is over, or the gate was looked at anew.
      if (
        !before ||
        (question.attempt !== undefined && !question.attempt.startsWith(`${before.startedAt}/`))
      ) {
        continue;
      }
      if (answer.kind === 'later' && before.phase === 'Running' && before.message === answer.message) {
        this.#laterAt.set(question.key, this.#clock.monotonic());
        continue;
      }
      known.set(question.key, judgeGate(before, question, answer, at));
    }
    return [...known.values()];
  }

  /** Sends out what is due and not out yet. */
  ask(questions: readonly GateQuestion[], rollout: RolloutView, signal: AbortSignal): void {
    for (const question of questions) {
      const { key } = question;
      const later = this.#laterAt.get(key);
      const intervalMs = durationMs(question.gate.interval, defaultIntervalMs);
      if (later !== undefined && this.#clock.monotonic() - later < intervalMs) continue;
      if (this.#asking.has(key) || this.#asking.size >= maxAsking) continue;
      this.#laterAt.delete(key);
      this.#asking.set(key, this.#askOne(question, rollout, signal));
    }
  }

  /** The rollout is gone: nobody waits for answers any more. */
  close(): void {
    this.#closing.abort();
  }

  /** Resolves when nothing is out any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#asking.values());
  }

  async #askOne(question: GateQuestion, rollout: RolloutView, stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, this.#closing.signal]);
    try {
      const answer = await this.#probes.ask(question, rollout, signal);
      this.#answers.push({ question, answer, at: new Date(this.#clock.now()).toISOString() });
    } catch (error) {
      if (signal.aborted) return;
      this.#logger.warn('gate could not be asked', { gate: question.key, error: messageOf(error) });
      this.#answers.push({
        question,
        answer: { kind: 'inconclusive', message: 'it could not be asked; see the log of the controller' },
        at: new Date(this.#clock.now()).toISOString(),
      });
    } finally {
      this.#asking.delete(question.key);
      this.#onAnswer();
    }
  }
}
