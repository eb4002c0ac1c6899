import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../../../src/cli/rollout/line-diff.ts';
import { unifiedDiff } from '../../../../src/cli/rollout/unified-diff.ts';

const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 14 });

/** Length of the longest common subsequence, the slow and plain way. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  const [first, ...restA] = a;
  const [second, ...restB] = b;
  if (first === second) return 1 + longestCommon(restA, restB);
  return Math.max(longestCommon(restA, b), longestCommon(a, restB));
}

describe('a diff of lines', () => {
  it('leads from one side to the other', () => {
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const lines = diffLines(before, after);
        expect(lines.filter(({ kind }) => kind !== 'added').map(({ text }) => text)).toEqual(before);
        expect(lines.filter(({ kind }) => kind !== 'removed').map(({ text }) => text)).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps as many lines as can be kept', () => {
    const short = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(
      fc.property(short, short, (before, after) => {
        const kept = diffLines(before, after).filter(({ kind }) => kind === 'same').length;
        expect(kept).toBe(longestCommon(before, after));
      }),
      { numRuns: 300 },
    );
  });

  it('of two long texts that have nothing in common removes one and adds the other', () => {
    const before = Array.from({ length: 3000 }, (_, index) => `a${index}`);
    const after = Array.from({ length: 3000 }, (_, index) => `b${index}`);
    const lines = diffLines(before, after);
    expect(lines.slice(0, 3000).every(({ kind }) => kind === 'removed')).toBe(true);
    expect(lines.slice(3000).every(({ kind }) => kind === 'added')).toBe(true);
  });
});

describe('a unified diff', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
  const diff = (after: readonly string[], before = lines) =>
    unifiedDiff({ title: 'old', lines: before }, { title: 'new', lines: after });

  it('is empty for equal texts', () => {
    expect(diff(lines)).toEqual([]);
  });

  it('shows changes with three lines around them, far ones apart', () => {
    expect(diff(lines.with(1, 'changed').toSpliced(15, 1)).join('\n')).toMatchInlineSnapshot(`
      "--- old
      +++ new
      @@ -1,5 +1,5 @@
       line 1
      -line 2
      +changed
       line 3
       line 4
       line 5
      @@ -13,7 +13,6 @@
       line 13
       line 14
       line 15
      -line 16
       line 17
       line 18
       line 19"
    `);
  });

  it('names an empty side as diff does', () => {
    expect(diff(['one'], [])).toContain('@@ -0,0 +1,1 @@');
    expect(diff([], ['one'])).toContain('@@ -1,1 +0,0 @@');
  });
});
