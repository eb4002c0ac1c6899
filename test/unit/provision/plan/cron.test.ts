import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStrike, parseCron, strikes } from '../../../../src/provision/plan/cron.ts';

function cron(text: string) {
  const parsed = parseCron(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.cron;
}

const next = (text: string, after: string) =>
  new Date(nextStrike(cron(text), Date.parse(after))).toISOString();

describe('a schedule', () => {
  it.each([
    ['15 */6 * * *', '2026-03-01T06:15:00Z', '2026-03-01T12:15:00.000Z'],
    ['0 0 * * *', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00.000Z'],
    ['30 3 * * sun', '2026-03-01T03:30:00Z', '2026-03-08T03:30:00.000Z'],
    ['0 12 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T12:00:00.000Z'],
    // With both days given, either will do.
    ['0 0 13 * fri', '2026-03-01T00:00:00Z', '2026-03-06T00:00:00.000Z'],
    ['@weekly', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00.000Z'],
    ['0 0 * * 7', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00.000Z'],
    ['5/20 1-2 * jan,mar *', '2026-02-01T00:00:00Z', '2026-03-01T01:05:00.000Z'],
  ])('"%s" strikes after %s at %s', (text, after, at) => {
    expect(next(text, after)).toBe(at);
  });

  it('strikes next exactly at the first minute after now that it strikes at', () => {
    const field = (least: number, most: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: least, max: most }).map(String),
        fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
      );
    fc.assert(
      fc.property(
        fc.tuple(field(0, 59), field(0, 23)),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        ([minute, hour], seconds) => {
          const schedule = cron(`${minute} ${hour} * * *`);
          const found = nextStrike(schedule, seconds * 1000);
          let at = (Math.floor(seconds / 60) + 1) * 60_000;
          while (!strikes(schedule, at)) at += 60_000;
          expect(found).toBe(at);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    ['* * * *', 'has 4 fields'],
    ['60 * * * *', '"60" is no minute'],
    ['* 24 * * *', '"24" is no hour'],
    ['* * 0 * *', '"0" is no day of the month'],
    ['* * * 13 *', '"13" is no month'],
    ['* * * * 8', '"8" is no day of the week'],
    ['5-1 * * * *', '"5-1" is no minute'],
    ['*/0 * * * *', '"*/0" is no minute'],
    ['1,,2 * * * *', 'is no minute'],
    ['0 0 31 2 *', 'never strikes'],
    ['@reboot', 'has 1 fields'],
  ])('"%s" is refused: %s', (text, told) => {
    const parsed = parseCron(text);
    expect(parsed.ok ? '' : parsed.message).toContain(told);
  });
});
