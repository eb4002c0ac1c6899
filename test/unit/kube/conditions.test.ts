import { describe, expect, it } from 'vitest';
import { type Condition, findCondition, setCondition, setConditions } from '../../../src/kube/conditions.ts';

const noon = Date.UTC(2026, 4, 1, 12, 0, 0, 123);
const later = noon + 3_600_000;
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  reason: 'AllWell',
  message: '3 of 3',
  lastTransitionTime: '2026-05-01T12:00:00Z',
};

describe('a condition', () => {
  it('is added with the time in whole seconds, beside those of others', () => {
    const other: Condition = { type: 'Theirs', status: 'Unknown' };
    const said = { type: 'Ready', status: 'True', reason: 'AllWell', message: '3 of 3' } as const;
    expect(setCondition([other], said, { nowMs: noon })).toEqual([other, ready]);
  });

  it('gives back the very same list when nothing changed', () => {
    const list = [ready];
    const said = { type: 'Ready', status: 'True', reason: 'AllWell', message: '3 of 3' } as const;
    expect(setCondition(list, said, { nowMs: later })).toBe(list);
    expect(setConditions(list, [said, said], { nowMs: later, withUpdateTime: true })).toBe(list);
  });

  it.each([
    ['message', { message: '2 of 3' }, '2026-05-01T12:00:00Z'],
    ['observedGeneration', { observedGeneration: 7 }, '2026-05-01T12:00:00Z'],
    ['status', { status: 'False' as const }, '2026-05-01T13:00:00Z'],
    ['reason', { reason: 'Other' }, '2026-05-01T13:00:00Z'],
  ])('with another %s has the right transition time', (_, change, time) => {
    const { lastTransitionTime: _time, ...said } = ready;
    const [condition] = setCondition([ready], { ...said, ...change }, { nowMs: later });
    expect(condition).toEqual({ ...ready, ...change, lastTransitionTime: time });
  });

  it('has an update time of its own where the kind wants one', () => {
    const said = { type: 'Ready', status: 'True', reason: 'AllWell', message: '2 of 3' } as const;
    const [condition] = setCondition([ready], said, { nowMs: later, withUpdateTime: true });
    expect(condition).toMatchObject({
      lastUpdateTime: '2026-05-01T13:00:00Z',
      lastTransitionTime: '2026-05-01T12:00:00Z',
    });
  });

  it('stays in its place among several, and is found by type', () => {
    const list = [{ type: 'A', status: 'True' }, ready, { type: 'B', status: 'False' }] as const;
    const next = setCondition(list, { type: 'Ready', status: 'False' }, { nowMs: later });
    expect(next.map(({ type }) => type)).toEqual(['A', 'Ready', 'B']);
    expect(findCondition(next, 'Ready')?.status).toBe('False');
    expect(findCondition(next, 'Nope')).toBeUndefined();
    expect(list[1]).toEqual(ready);
  });
});
