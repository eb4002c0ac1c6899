import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JournalRecord, openIntents } from '../../../../src/provision/plan/journal.ts';
import { boundJournal } from '../../../../src/provision/store/bound-journal.ts';
import { record } from './builders.ts';

const journals = fc
  .array(
    fc.record({
      operation: fc.integer({ min: 1, max: 8 }),
      step: fc.constantFrom('m1/init', 'm2/join', 'm3/join'),
      event: fc.constantFrom<JournalRecord['event']>(
        'intent',
        'started',
        'done',
        'failed',
        'interrupted',
        'undone',
      ),
    }),
    { maxLength: 40 },
  )
  .map((rows) =>
    rows
      .toSorted((a, b) => a.operation - b.operation)
      .map(({ operation, step, event }) => record({ operation: `op-${operation}`, step, event })),
  );

describe('a journal that grows', () => {
  it('never loses an open intent, and never opens one that was closed', () => {
    fc.assert(
      fc.property(journals, fc.integer({ min: 1, max: 4 }), (journal, kept) => {
        expect(openIntents(boundJournal(journal, kept))).toEqual(openIntents(journal));
      }),
    );
  });

  it('is bounded record by record as it is at once', () => {
    fc.assert(
      fc.property(journals, fc.integer({ min: 1, max: 4 }), (journal, kept) => {
        const grown = journal.reduce<readonly JournalRecord[]>(
          (list, each) => boundJournal([...list, each], kept),
          [],
        );
        expect(openIntents(grown)).toEqual(openIntents(journal));
        const operations = new Set(boundJournal(journal, kept).map(({ operation }) => operation));
        const last = [...new Set(journal.map(({ operation }) => operation))].slice(-kept);
        expect(last.every((operation) => operations.has(operation))).toBe(true);
      }),
    );
  });

  it('keeps the last operations whole, and of older ones the open intents alone', () => {
    const journal = [
      record({ operation: 'a', event: 'intent', step: 'm1/join' }),
      record({ operation: 'a', event: 'started', step: 'm1/join' }),
      record({ operation: 'b', event: 'intent', step: 'm2/join' }),
      record({ operation: 'b', event: 'done', step: 'm2/join' }),
      record({ operation: 'c', event: 'started', step: 'm3/join' }),
    ];
    expect(boundJournal(journal, 1)).toEqual([journal[0], journal[4]]);
  });
});
