import type { JournalRecord } from './journal.ts';

/** Whether it was Hansa that closed this machine's node to new pods, and nobody of Hansa opened it since. */
export function isCordonedByUs(journal: readonly JournalRecord[], machine: string): boolean {
  const isOf = (step: string, kind: string): boolean => step.startsWith(`${machine}/${kind}`);
  const cordoned = journal.findLastIndex(
    ({ step, evidence }) => isOf(step, 'cordon-and-drain') && evidence.cordoned === 'by-hansa',
  );
  if (cordoned < 0) return false;
  return !journal
    .slice(cordoned + 1)
    .some(
      ({ step, event }) =>
        (isOf(step, 'uncordon') && event === 'done') ||
        (isOf(step, 'cordon-and-drain') && event === 'undone'),
    );
}
