import { type Clock, HansaError, type Logger, messageOf, type Rng } from '../../base/index.ts';
import type { Step } from '../plan/steps.ts';
import type { Redactor } from '../transport/index.ts';
import type { Executor, StepContext } from './executor.ts';
import type { LiveJournal } from './live-journal.ts';
import { retryDelayMs } from './retry.ts';

export type StepEnd =
  | { readonly kind: 'done'; readonly tookMs: number }
  /** Was as it should be. */
  | { readonly kind: 'nothing-to-do' }
  | {
      readonly kind: 'blocked' | 'failed';
      readonly reason: string;
      readonly message: string;
      readonly isUndone: boolean;
    }
  /** Told to stop in the midst of it; the next run attaches to what still runs on the machine. */
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'not-started';
      /** Id of the step it needs that did not end well; undefined: the run was stopped before its turn. */
      readonly because: string | undefined;
    };

export interface StepTools {
  readonly executor: Executor;
  readonly journal: LiveJournal;
  /** All of it but what belongs to one attempt. */
  readonly context: Omit<StepContext, 'intent' | 'note' | 'update'>;
  /** Shows what is being done; secrets are masked before. */
  readonly show: (detail: string) => void;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * One step from its first look to its end.
 *
 * *Flow* of an attempt: looked at; if something is to do, journalled as started, applied, verified, journalled as done.
 * *Guarantees*: nothing is changed before the journal has it, the executor's own intents included; a failure whose law
 * allows it is tried again from the look on, never blindly; after the last, what can safely be put back is.
 */
export async function runStep(step: Step, tools: StepTools): Promise<StepEnd> {
  const { clock, rng, signal, logger, redactor, show } = tools;
  const startedAtMs = clock.monotonic();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const end = await tryOnce(step, tools);
      return end === 'done' ? { kind: 'done', tookMs: clock.monotonic() - startedAtMs } : end;
    } catch (error) {
      if (signal.aborted) return { kind: 'interrupted' };
      const reason = error instanceof HansaError ? error.reason : 'StepFailed';
      const message = redactor.text(messageOf(error));
      logger.warn('step failed', { step: step.id, attempt, reason, message });
      const delayMs = retryDelayMs({ error, attempt, tookMs: clock.monotonic() - startedAtMs }, rng);
      if (delayMs === undefined) {
        return { kind: 'failed', reason, message, isUndone: await undo(step, tools) };
      }
      show(`${message}; trying again in ${Math.ceil(delayMs / 1000)} s`);
      try {
        await clock.sleep(delayMs, signal);
      } catch {
        return { kind: 'interrupted' };
      }
    }
  }
}

async function tryOnce(step: Step, tools: StepTools): Promise<StepEnd | 'done'> {
  const { executor, journal } = tools;
  const attempt = journal.nextAttempt(step);
  const evidence: Record<string, string> = {};
  const context = contextOf(tools, {
    intent: (more) => journal.write(step, attempt, 'intent', { evidence: more }),
    note: (more) => void Object.assign(evidence, more),
  });
  const seen = await executor.observe(context, step);
  switch (seen.kind) {
    case 'blocked':
      return { ...seen, message: tools.redactor.text(seen.message), isUndone: false };
    case 'done':
      // An engine that died after the work and before its record left the question open; a plan asks it no more now.
      if (!journal.saysDone(step))
        await journal.write(step, attempt, 'done', { evidence, message: 'was so already' });
      return { kind: 'nothing-to-do' };
    case 'todo':
      break;
  }
  tools.signal.throwIfAborted();
  await journal.write(step, attempt, 'started', { message: tools.redactor.text(seen.why) });
  try {
    await executor.apply(context, step);
    await executor.verify(context, step);
  } catch (error) {
    await tellFailure(step, tools, { attempt, evidence, error });
    throw error;
  }
  await journal.write(step, attempt, 'done', { evidence });
  return 'done';
}

/** Who was told to stop does not know how it ended; a step without an end is one that is looked at again. */
async function tellFailure(
  step: Step,
  { journal, signal, redactor, logger }: StepTools,
  {
    attempt,
    evidence,
    error,
  }: { readonly attempt: number; readonly evidence: Record<string, string>; readonly error: unknown },
): Promise<void> {
  const message = redactor.text(messageOf(error));
  try {
    await journal.write(step, attempt, signal.aborted ? 'interrupted' : 'failed', { evidence, message });
  } catch (refused) {
    // The cause is worth more than that it could not be kept: without an end, the step counts as interrupted.
    logger.warn('journal not written', { step: step.id, message: redactor.text(messageOf(refused)) });
  }
}

async function undo(step: Step, tools: StepTools): Promise<boolean> {
  const { executor, journal, logger, redactor, show } = tools;
  if (!executor.undo) return false;
  const attempt = journal.nextAttempt(step) - 1;
  // Only an attempt that was begun has changed anything.
  if (attempt === 0) return false;
  show('putting back what was changed');
  const evidence: Record<string, string> = {};
  try {
    await executor.undo(
      contextOf(tools, {
        intent: (more) => journal.write(step, attempt, 'intent', { evidence: more }),
        note: (more) => void Object.assign(evidence, more),
      }),
      step,
    );
    await journal.write(step, attempt, 'undone', { evidence });
    return true;
  } catch (error) {
    logger.warn('undo failed', { step: step.id, message: redactor.text(messageOf(error)) });
    return false;
  }
}

function contextOf({ context, show }: StepTools, own: Pick<StepContext, 'intent' | 'note'>): StepContext {
  return { ...context, ...own, update: show };
}
