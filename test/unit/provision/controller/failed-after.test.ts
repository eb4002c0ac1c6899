import { describe, expect, it } from 'vitest';
import { failedAfter } from '../../../../src/provision/controller/failed-after.ts';

const now = Date.UTC(2026, 10, 23, 12);
const failure = { reason: 'StepFailed', message: 'm1: no disk' };
const first = { ...failure, wish: 'a', at: now, times: 1 };
const found = { failure: undefined, isAsDesired: false, wish: 'a', now: now + 60_000 };

describe('what is remembered of failures', () => {
  it('counts those in a row', () => {
    expect(failedAfter(undefined, { ...found, failure, now })).toEqual(first);
    expect(failedAfter(first, { ...found, failure })).toEqual({ ...first, at: now + 60_000, times: 2 });
  });

  it('keeps it through a look that only finds work left', () => {
    expect(failedAfter(first, found)).toBe(first);
  });

  it('forgets it when all is as desired, or something else is asked for', () => {
    expect(failedAfter(first, { ...found, isAsDesired: true })).toBe(undefined);
    expect(failedAfter(first, { ...found, wish: 'b' })).toBe(undefined);
    expect(failedAfter(first, { ...found, wish: 'b', failure })).toMatchObject({ wish: 'b', times: 1 });
  });
});
