import { type Clock, hashOf, type Json } from '../../base/index.ts';
import { type JournalRecord, lastWordOn } from '../plan/journal.ts';
import type { Step } from '../plan/steps.ts';
import type { ClusterStore } from './executor.ts';

/** The journal as it grows while an operation runs. What it says is stored before it is said. */
export class LiveJournal {
  readonly #store: Pick<ClusterStore, 'append'>;
  readonly #clock: Clock;
  readonly #operation: string;
  readonly #records: JournalRecord[];
  #queue: Promise<unknown> = Promise.resolve();

  private constructor({ store, clock, operation }: LiveJournalOptions, records: readonly JournalRecord[]) {
    this.#store = store;
    this.#clock = clock;
    this.#operation = operation;
    this.#records = [...records];
  }

  static async open(options: LiveJournalOptions): Promise<LiveJournal> {
    const journal = new LiveJournal(options, await options.store.journal());
    await journal.#markInterrupted();
    return journal;
  }

  /** All records, in the order of what happened; the same array throughout, so whoever holds it sees the newest. */
  get records(): readonly JournalRecord[] {
    return this.#records;
  }

  /** Number of the next attempt at a step in this operation, from 1. */
  nextAttempt(step: Step): number {
    const begun = this.#records.filter(
      (record) =>
        record.step === step.id && record.operation === this.#operation && record.event === 'started',
    );
    return begun.length + 1;
  }

  /** Whether the last word on a step is that it was done, and with these inputs. */
  saysDone(step: Step): boolean {
    const last = lastWordOn(this.#records, step.id);
    return last?.event === 'done' && last.inputs === inputsOf(step);
  }

  /** @throws what the store throws; then nobody may act on it */
  async write(
    step: Step,
    attempt: number,
    event: JournalRecord['event'],
    {
      evidence = {},
      message,
    }: { readonly evidence?: JournalRecord['evidence']; readonly message?: string } = {},
  ): Promise<void> {
    await this.#append({
      at: new Date(this.#clock.now()).toISOString(),
      operation: this.#operation,
      step: step.id,
      attempt,
      event,
      inputs: inputsOf(step),
      evidence,
      message,
    });
  }

  /** What an engine before this one left open. Nobody else works here, so nobody will ever tell how it ended. */
  async #markInterrupted(): Promise<void> {
    const steps = new Set(this.#records.map(({ step }) => step));
    for (const step of steps) {
      const last = lastWordOn(this.#records, step);
      if (last?.event !== 'started') continue;
      await this.#append({
        ...last,
        at: new Date(this.#clock.now()).toISOString(),
        event: 'interrupted',
        evidence: {},
        message: 'the engine that had begun it came to no end',
      });
    }
  }

  /** One after the other: two records must not overtake each other on their way to the store. */
  async #append(record: JournalRecord): Promise<void> {
    const turn = this.#queue.then(async () => {
      await this.#store.append(record);
      this.#records.push(record);
    });
    this.#queue = turn.catch(() => undefined);
    await turn;
  }
}

export interface LiveJournalOptions {
  readonly store: Pick<ClusterStore, 'append' | 'journal'>;
  readonly clock: Clock;
  /** Names this run. */
  readonly operation: string;
}

function inputsOf({ inputs }: Step): string {
  return hashOf(inputs as Json);
}
