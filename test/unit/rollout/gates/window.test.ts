import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerFromWindow, isTimeZone, type TimeWindow } from '../../../../src/rollout/plan/gates/index.ts';

const office: TimeWindow = {
  days: ['Mon', 'Tue', 'Wed', 'Thu'],
  from: '09:00',
  to: '16:00',
  timeZone: 'Europe/Amsterdam',
};
const night: TimeWindow = { days: ['Fri'], from: '22:00', to: '02:00' };

function at(window: TimeWindow, time: string) {
  return answerFromWindow(window, Date.parse(time));
}

describe('a window', () => {
  it.each([
    // Monday, 2026-01-05; Amsterdam is one hour ahead in winter.
    [office, '2026-01-05T07:59:59Z', 'later'],
    [office, '2026-01-05T08:00:00Z', 'good'],
    [office, '2026-01-05T14:59:59Z', 'good'],
    [office, '2026-01-05T15:00:00Z', 'later'],
    // Two hours ahead in summer: the same time on the clocks.
    [office, '2026-07-06T06:59:00Z', 'later'],
    [office, '2026-07-06T07:00:00Z', 'good'],
    [office, '2026-01-09T10:00:00Z', 'later'],
    // Over midnight it belongs to the day on which it opens.
    [night, '2026-01-09T21:59:00Z', 'later'],
    [night, '2026-01-09T22:00:00Z', 'good'],
    [night, '2026-01-10T01:59:00Z', 'good'],
    [night, '2026-01-10T02:00:00Z', 'later'],
    [night, '2026-01-09T01:00:00Z', 'later'],
    // From a time to the same time is a whole day.
    [{ days: ['Sat'], from: '06:00', to: '06:00' }, '2026-01-11T05:59:00Z', 'good'],
    [{ days: ['Sat'], from: '06:00', to: '06:00' }, '2026-01-11T06:00:00Z', 'later'],
    [{ from: '00:00', to: '00:00' }, '2026-01-11T05:59:00Z', 'good'],
    // A zone of a quarter of an hour.
    [{ from: '12:00', to: '12:10', timeZone: 'Asia/Kathmandu' }, '2026-01-05T06:15:00Z', 'good'],
  ] satisfies [TimeWindow, string, string][])('%o at %s: %s', (window, time, kind) => {
    expect(at(window, time).kind).toBe(kind);
  });

  it.each([
    [office, '2026-01-05T15:00:00Z', 'opens on Tue 2026-01-06 at 09:00 (Europe/Amsterdam), in 17h'],
    [office, '2026-01-08T20:00:00Z', 'opens on Mon 2026-01-12 at 09:00 (Europe/Amsterdam), in 3d 12h'],
    [office, '2026-01-05T07:59:20Z', 'opens on Mon 2026-01-05 at 09:00 (Europe/Amsterdam), in 40s'],
    [night, '2026-01-10T03:30:00Z', 'opens on Fri 2026-01-16 at 22:00 (UTC), in 6d 18h'],
    // The clocks go forward in between: one hour less to wait.
    [
      { ...office, days: ['Sun'] },
      '2026-03-28T23:00:00Z',
      'opens on Sun 2026-03-29 at 09:00 (Europe/Amsterdam), in 8h',
    ],
    // 02:30 does not exist on that day: it opens when the clocks show 03:00.
    [
      { from: '02:30', to: '04:00', timeZone: 'Europe/Amsterdam' },
      '2026-03-29T00:30:00Z',
      'opens on Sun 2026-03-29 at 03:00 (Europe/Amsterdam), in 30m',
    ],
    // All of it is skipped: it opens a week later.
    [
      { days: ['Sun'], from: '02:10', to: '02:50', timeZone: 'Europe/Amsterdam' },
      '2026-03-28T12:00:00Z',
      'opens on Sun 2026-04-05 at 02:10',
    ],
    // 02:30 comes twice on that day, and the second time counts too.
    [
      { from: '02:30', to: '02:40', timeZone: 'Europe/Amsterdam' },
      '2026-10-24T22:00:00Z',
      'opens on Sun 2026-10-25 at 02:30 (Europe/Amsterdam), in 2h 30m',
    ],
    // Open from 01:30 to 02:30; at 03:00 it is 02:00 again, which is inside.
    [
      { from: '01:30', to: '02:30', timeZone: 'Europe/Amsterdam' },
      '2026-10-25T00:40:00Z',
      'opens on Sun 2026-10-25 at 02:00 (Europe/Amsterdam), in 20m',
    ],
    [{ days: [], from: '09:00', to: '10:00' }, '2026-01-05T15:00:00Z', 'has no day on which it opens'],
  ] satisfies [TimeWindow, string, string][])('%o at %s says: %s', (window, time, message) => {
    const answer = at(window, time);
    expect(answer.kind).toBe('later');
    expect(answer.message).toContain(message);
  });

  it('does not guess at a zone', () => {
    expect(at({ from: '09:00', to: '10:00', timeZone: 'Mars/Base' }, '2026-01-05T09:30:00Z')).toMatchObject({
      kind: 'inconclusive',
      message: expect.stringContaining('"Mars/Base" is not a time zone'),
    });
    expect(isTimeZone('America/New_York')).toBe(true);
    expect(isTimeZone('Mars/Base')).toBe(false);
  });

  it('opens when it said it would, and not a minute sooner', () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
    const window = fc.record({
      days: fc.subarray<'Mon' | 'Wed' | 'Sat' | 'Sun'>(['Mon', 'Wed', 'Sat', 'Sun'], { minLength: 1 }),
      from: time,
      to: time,
      timeZone: fc.constantFrom(
        'UTC',
        'Europe/Amsterdam',
        'America/New_York',
        'Australia/Lord_Howe',
        'Asia/Kolkata',
      ),
    });
    // As likely near the jumps of October as at any time of the year.
    const nearJump = fc
      .integer({ min: 0, max: 2 * 24 * 60 })
      .map((minutes) => Date.UTC(2026, 9, 24) + minutes * 60_000);
    const anyTime = fc
      .integer({ min: Date.UTC(2026, 0, 1) / 60_000, max: Date.UTC(2027, 0, 1) / 60_000 })
      .map((minutes) => minutes * 60_000);
    fc.assert(
      fc.property(window, fc.oneof(nearJump, anyTime), (each, nowMs) => {
        const { kind, message } = answerFromWindow(each, nowMs);
        if (kind !== 'later') return;
        const [, days = '0', hours = '0', minutes = '0'] =
          /, in (?:(\d+)d ?)?(?:(\d+)h ?)?(?:(\d+)m)?$/.exec(message) ?? [];
        // Beyond a day the message leaves the minutes out.
        if (Number(days) > 0) return;
        const opensAtMs = nowMs + (Number(hours) * 60 + Number(minutes)) * 60_000;
        expect(answerFromWindow(each, opensAtMs).kind).toBe('good');
        for (let ms = nowMs; ms < opensAtMs; ms += 60_000)
          expect(answerFromWindow(each, ms).kind).toBe('later');
      }),
      { numRuns: 100 },
    );
  });
});
