import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCpu, parseQuantity } from '../../../src/base/index.ts';

function milliOf(text: string | number): bigint | undefined {
  const parsed = parseQuantity(text);
  return parsed.ok ? parsed.milli : undefined;
}

describe('a quantity', () => {
  it.each([
    ['0', 0n],
    ['1', 1_000n],
    [2, 2_000n],
    [0.5, 500n],
    ['250m', 250n],
    ['1.5', 1_500n],
    ['.5', 500n],
    ['5.', 5_000n],
    ['+3', 3_000n],
    ['-100m', -100n],
    ['1k', 1_000_000n],
    ['2M', 2_000_000_000n],
    ['1Ki', 1_024_000n],
    ['0.5Gi', 536_870_912_000n],
    ['128Gi', 137_438_953_472_000n],
    ['1Ei', 1_152_921_504_606_846_976_000n],
    // E is exa by itself, and an exponent with digits.
    ['1E', 1_000_000_000_000_000_000_000n],
    ['1E3', 1_000_000n],
    ['12e-3', 12n],
    // Finer than a thousandth: away from zero, as the scheduler counts.
    ['100u', 1n],
    ['1n', 1n],
    ['1001u', 2n],
    ['-1u', -1n],
    ['0.1Ki', 102_400n],
  ])('%s is %s thousandths', (text, milli) => {
    expect(milliOf(text)).toBe(milli);
  });

  it.each([
    [''],
    ['m'],
    ['1x'],
    ['1 Gi'],
    ['1KI'],
    ['1ki'],
    ['--1'],
    ['1.2.3'],
    ['1e'],
    ['1e99'],
    ['NaN'],
    ['9'.repeat(65)],
  ])('"%s" is none', (text) => {
    expect(parseQuantity(text)).toMatchObject({
      ok: false,
      message: expect.stringContaining('not a quantity'),
    });
  });

  it('is exact where floating point is not', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (milli) => {
        expect(milliOf(`${milli}m`)).toBe(milli);
        const whole = `${milli / 1000n}.${String(milli % 1000n).padStart(3, '0')}`;
        expect(milliOf(whole)).toBe(milli);
        expect(milliOf(formatCpu(milli))).toBe(milli);
      }),
    );
  });

  it('is never less than what was written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), (nano) => {
        const milli = milliOf(`${nano}n`) ?? -1n;
        expect(milli * 1_000_000n).toBeGreaterThanOrEqual(nano);
        expect((milli - 1n) * 1_000_000n).toBeLessThan(nano === 0n ? 1n : nano);
      }),
    );
  });

  it.each([
    [0n, '0'],
    [512_000n, '512'],
    [1_024_000n, '1Ki'],
    [1_610_612_736_000n, '1.5Gi'],
    [137_438_953_472_000n, '128Gi'],
    [-2_048_000n, '-2Ki'],
  ])('of %s thousandths of a byte is shown as %s', (milli, text) => {
    expect(formatBytes(milli)).toBe(text);
  });
});
