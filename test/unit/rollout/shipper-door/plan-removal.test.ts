import { describe, expect, it } from 'vitest';
import {
  planLeaving,
  planRestore,
  successorOf,
} from '../../../../src/rollout/plan/shipper-door/plan-removal.ts';

const release = (name: string, generation: number, isComplete: boolean) => ({ name, generation, isComplete });

describe('when a Release is deleted', () => {
  it('the complete one before it comes back', () => {
    const old = release('old', 1, true);
    const found = successorOf({ ...release('new', 2, false), serves: true }, [
      release('older', 0, true),
      old,
    ]);
    expect(found).toEqual({ kind: 'restore', release: old });
  });

  it('and was superseded, the complete one comes back first all the same', () => {
    const old = release('old', 1, true);
    const found = successorOf({ ...release('half', 2, false), serves: true }, [
      old,
      release('newest', 3, false),
    ]);
    expect(found).toEqual({ kind: 'restore', release: old });
  });

  it('that is history, nobody waits', () => {
    const others = [release('newer', 1, true), release('newest', 2, false)];
    expect(successorOf({ ...release('old', 0, true), serves: true }, others).kind).toBe('nobody-waits');
  });

  it('and alone serves, it is held until the newer one is complete', () => {
    const leaving = { ...release('old', 0, true), serves: true };
    expect(successorOf(leaving, [release('new', 1, false)])).toEqual({ kind: 'hold', until: 'new' });
    expect(successorOf(leaving, [release('new', 1, true)]).kind).toBe('nobody-waits');
    expect(successorOf({ ...leaving, serves: false }, [release('new', 1, false)]).kind).toBe('nobody-waits');
  });

  it('with its Application, nobody waits', () => {
    expect(successorOf({ ...release('only', 0, true), serves: true }, []).kind).toBe('nobody-waits');
  });
});

describe('a Release that comes back', () => {
  const reduced = {
    cluster: 'm1',
    percent: 50,
    weight: 50,
    wantedPercent: 100,
    wantedWeight: 100,
    isInstalled: true,
    hasCapacity: true,
    hasTraffic: true,
  };

  it.each([
    [{ isInstalled: false }, { kind: 'wait', for: 'installation' }],
    [{}, { kind: 'raise-capacity' }],
    [
      { percent: 100, hasCapacity: false },
      { kind: 'wait', for: 'capacity' },
    ],
    [{ percent: 100 }, { kind: 'raise-traffic' }],
    [
      { percent: 100, weight: 100, hasTraffic: false },
      { kind: 'wait', for: 'traffic' },
    ],
    [{ percent: 100, weight: 100 }, { kind: 'whole' }],
  ] as const)('gets objects, then pods, then traffic: %o', (change, expected) => {
    expect(planRestore({ ...reduced, ...change })).toEqual(expected);
  });
});

describe('a Release that goes', () => {
  const serving = {
    cluster: 'm1',
    member: 'reachable',
    hasObjects: true,
    percent: 50,
    weight: 50,
    podsWithTraffic: 2,
    pods: 2,
    isReplaced: true,
  } as const;

  it.each([
    [{ isReplaced: false }, { kind: 'wait', for: 'successor' }],
    [{}, { kind: 'lower-traffic' }],
    [{ weight: 0 }, { kind: 'wait', for: 'traffic' }],
    [{ weight: 0, podsWithTraffic: 0 }, { kind: 'lower-capacity' }],
    [
      { weight: 0, podsWithTraffic: 0, percent: 0 },
      { kind: 'wait', for: 'capacity' },
    ],
    [{ weight: 0, podsWithTraffic: 0, percent: 0, pods: 0 }, { kind: 'remove-objects' }],
    [{ weight: undefined, percent: undefined }, { kind: 'remove-objects' }],
    [{ hasObjects: false }, { kind: 'gone' }],
    [{ member: 'unreachable' }, { kind: 'wait', for: 'member' }],
    [{ member: 'left' }, { kind: 'gone' }],
  ] as const)('loses traffic, then pods, then objects: %o', (change, expected) => {
    expect(planLeaving({ ...serving, ...change })).toEqual(expected);
  });
});
