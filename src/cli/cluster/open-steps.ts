import { type JournalRecord, lastWordOn } from '../../provision/index.ts';

/** A step of the last operation that came to no good end. */
export interface OpenStep {
  readonly step: string;
  readonly operation: string;
  readonly event: 'started' | 'failed' | 'interrupted';
  readonly at: string;
  readonly message: string | undefined;
}

/** What the last operation left open. Older ones don't count: what they left undone, a later plan has seen to. */
export function openSteps(journal: readonly JournalRecord[]): readonly OpenStep[] {
  const operation = journal.at(-1)?.operation;
  if (operation === undefined) return [];
  const own = journal.filter((record) => record.operation === operation);
  return [...new Set(own.map(({ step }) => step))].flatMap((step) => {
    const last = lastWordOn(own, step);
    if (!last || last.event === 'done' || last.event === 'undone' || last.event === 'intent') return [];
    const { event, at, message } = last;
    return [{ step, operation, event, at, message }];
  });
}
