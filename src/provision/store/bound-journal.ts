import { type JournalRecord, openIntents } from '../plan/journal.ts';

/**
 * The records of the last operations, and every open intent of older ones: whoever comes next must learn whose
 * half-done work a machine may carry, however long ago that was.
 */
export function boundJournal(
  journal: readonly JournalRecord[],
  keptOperations: number,
): readonly JournalRecord[] {
  // By their first record: an operation that was taken up again is as old as its beginning.
  const operations = [...new Set(journal.map(({ operation }) => operation))];
  if (operations.length <= keptOperations) return journal;
  const kept = new Set(operations.slice(-keptOperations));
  const open = new Set(openIntents(journal));
  return journal.filter((record) => kept.has(record.operation) || open.has(record));
}
