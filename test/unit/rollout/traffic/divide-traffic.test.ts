import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideTraffic } from '../../../../src/rollout/plan/traffic/index.ts';

const pair = (contender: number, incumbent: number) => ({ contender, incumbent });

describe('traffic divided over ready pods', () => {
  it.each([
    // pods, shares, promised -> with traffic
    ['a canary of one', pair(1, 9), pair(10, 90), 10, pair(1, 9)],
    ['27 % of the 40 pods of both', pair(20, 20), pair(27, 73), 0, pair(11, 20)],
    ['55 % of 20, where floats would say 12', pair(15, 5), pair(55, 45), 0, pair(11, 5)],
    ['5 of 6 parts over 6 pods', pair(6, 6), pair(50, 10), 0, pair(6, 2)],
    ['half and half of uneven pods', pair(2, 3), pair(50, 50), 0, pair(2, 3)],
    ['nothing for the new revision', pair(3, 4), pair(0, 100), 4, pair(0, 4)],
    ['everything for the new revision', pair(4, 4), pair(100, 0), 4, pair(4, 0)],
    ['nothing for both', pair(4, 4), pair(0, 0), 4, pair(0, 0)],
    ['no pods', pair(0, 0), pair(50, 50), 4, pair(0, 0)],
    ['a first revision, which has no other', pair(3, 0), pair(50, 0), 3, pair(3, 0)],
    ['one that rises before the other falls', pair(1, 9), pair(100, 100), 10, pair(1, 9)],
  ])('gives %s', (_, pods, shares, promised, wanted) => {
    expect(divideTraffic({ pods, shares, promised })).toEqual(wanted);
  });

  it('lets the larger side make up for what is promised, and never gives a canary more than its share', () => {
    // Five of each, and 10 to 90: nine tenths can't come from five pods.
    expect(divideTraffic({ pods: pair(5, 5), shares: pair(10, 90), promised: 10 })).toEqual(pair(1, 5));
    expect(divideTraffic({ pods: pair(9, 1), shares: pair(50, 50), promised: 10 })).toEqual(pair(9, 1));
    expect(divideTraffic({ pods: pair(1, 9), shares: pair(50, 50), promised: 8 })).toEqual(pair(1, 7));
  });

  const numbers = fc.record({
    pods: fc.record({ contender: fc.nat(200), incumbent: fc.nat(200) }),
    shares: fc.record({ contender: fc.nat(100), incumbent: fc.nat(100) }),
    promised: fc.nat(200),
  });

  it('is the exact share rounded up, or all pods of the side, for any numbers without a promise', () => {
    fc.assert(
      fc.property(numbers, ({ pods, shares }) => {
        const sum = BigInt(shares.contender + shares.incumbent);
        const all = BigInt(pods.contender + pods.incumbent);
        const given = divideTraffic({ pods, shares, promised: 0 });
        for (const side of ['contender', 'incumbent'] as const) {
          const product = all * BigInt(shares[side]);
          const exact = sum === 0n ? 0n : product / sum + (product % sum === 0n ? 0n : 1n);
          expect(given[side]).toBe(Math.min(pods[side], Number(exact)));
        }
      }),
    );
  });

  it('never gives pods that are not there, nor traffic to a side with no share; a promise only adds', () => {
    fc.assert(
      fc.property(numbers, (input) => {
        const given = divideTraffic(input);
        const bare = divideTraffic({ ...input, promised: 0 });
        for (const side of ['contender', 'incumbent'] as const) {
          expect(given[side]).toBeLessThanOrEqual(input.pods[side]);
          expect(given[side]).toBeGreaterThanOrEqual(bare[side]);
          if (input.shares[side] === 0) expect(given[side]).toBe(0);
        }
      }),
    );
  });

  it('leaves all pods their traffic wherever traffic is divided as capacity is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 99 }), (total, percent) => {
        const shares = pair(percent, 100 - percent);
        const pods = pair(
          Math.ceil((total * percent) / 100 - 1e-9),
          Math.ceil((total * (100 - percent)) / 100 - 1e-9),
        );
        expect(divideTraffic({ pods, shares, promised: 0 })).toEqual(pods);
      }),
    );
  });
});
