import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageOf, plain, renderTable } from '../../../src/cli/table.ts';

interface Row {
  readonly name: string;
  readonly count?: number;
  readonly note?: string;
}

const columns = [
  { heading: 'NAME', cell: ({ name }: Row) => name },
  { heading: 'COUNT', cell: ({ count }: Row) => count, align: 'right' as const },
  { heading: 'NOTE', cell: ({ note }: Row) => note, wide: true },
];

describe('a table', () => {
  it('keeps columns below each other and says what is absent', () => {
    expect(renderTable(columns, [{ name: 'web', count: 12 }, { name: 'a-long-name' }])).toBe(
      ['NAME         COUNT', 'web             12', 'a-long-name      -'].join('\n'),
    );
  });

  it('shows more with wide', () => {
    expect(renderTable(columns, [{ name: 'web', count: 0, note: 'x' }], { wide: true })).toBe(
      ['NAME  COUNT  NOTE', 'web       0  x'].join('\n'),
    );
  });

  it('has one line a row, whatever the cells hold', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: fc.string({ unit: 'binary' }) })), (rows) => {
        const text = renderTable(columns, rows);
        expect(text.split('\n')).toHaveLength(rows.length + 1);
        expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('lets no escape sequence through to the terminal', () => {
    expect(plain('fine\u001b[31m red\nnext')).toBe('fine?[31m red next');
  });
});

describe('an age', () => {
  const now = Date.UTC(2026, 0, 1);
  const ago = (ms: number) => ageOf(new Date(now - ms).toISOString(), now);

  it.each([
    [0, '0s'],
    [59_000, '59s'],
    [60_000, '1m'],
    [200_000, '3m20s'],
    [11 * 60_000, '11m'],
    [90 * 60_000, '1h30m'],
    [25 * 3_600_000, '1d1h'],
    [12 * 24 * 3_600_000, '12d'],
    [400 * 24 * 3_600_000, '1y35d'],
    [-5_000, '0s'],
  ])('of %i ms reads %s', (ms, text) => {
    expect(ago(ms)).toBe(text);
  });

  it('of nothing is nothing', () => {
    expect(ageOf(undefined, now)).toBeUndefined();
    expect(ageOf(null, now)).toBeUndefined();
    expect(ageOf('yesterday', now)).toBeUndefined();
  });
});
