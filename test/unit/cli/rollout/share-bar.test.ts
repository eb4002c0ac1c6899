import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareBar } from '../../../../src/cli/rollout/share-bar.ts';

describe('a bar', () => {
  it.each([
    [{ ready: 5, desired: 5 }, 10, 10, [5, 0, 5]],
    [{ ready: 3, desired: 5 }, 10, 10, [3, 2, 5]],
    [{ ready: 0, desired: 0 }, 10, 10, [0, 0, 10]],
    [{ ready: 10, desired: 10 }, 10, 10, [10, 0, 0]],
    // One pod of a thousand is still a pod, and one that lacks is seen.
    [{ ready: 1, desired: 1 }, 1000, 10, [1, 0, 9]],
    [{ ready: 999, desired: 1000 }, 1000, 10, [9, 1, 0]],
    [{ ready: 500, desired: 501 }, 1000, 10, [5, 1, 4]],
    // More than the whole, while both revisions are there.
    [{ ready: 12, desired: 12 }, 10, 10, [10, 0, 0]],
    [{ ready: 12, desired: 13 }, 10, 10, [9, 1, 0]],
    [undefined, 10, 4, [0, 0, 4]],
    [{ ready: 1, desired: 1 }, 0, 4, [0, 0, 4]],
  ])('of %j of %i in %i cells', (side, total, width, expected) => {
    const { ready, wanted, rest } = shareBar(side, total, width);
    expect([ready, wanted, rest]).toEqual(expected);
  });

  it('always has its width, and no part is negative', () => {
    const count = fc.integer({ min: 0, max: 2000 });
    fc.assert(
      fc.property(count, count, count, fc.integer({ min: 4, max: 16 }), (ready, desired, total, width) => {
        const bar = shareBar({ ready, desired }, total, width);
        expect(bar.ready + bar.wanted + bar.rest).toBe(width);
        expect(Math.min(bar.ready, bar.wanted, bar.rest)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
