import { describe, expect, it } from 'vitest';
import {
  byGeneration,
  contenderOf,
  historyLimit,
  incumbentOf,
  judgeBlocks,
  mergeOverrides,
  namesWithout,
  formatObjectNames,
  readGeneration,
  readObjectNames,
  releasesToDelete,
  type ShipperCondition,
  setCondition,
  shouldRetry,
  siblingsOf,
} from '../../../../src/rollout/plan/shipper/index.ts';

const release = (generation: number, isComplete = true) => ({
  name: `r${generation}`,
  generation,
  isComplete,
});
const names = (releases: readonly { readonly name: string }[]) => releases.map(({ name }) => name);

describe('releases', () => {
  it('are in the order of their generations as numbers', () => {
    expect(names(byGeneration([release(10), release(9), release(0)]))).toEqual(['r0', 'r9', 'r10']);
  });

  it.each([
    [undefined, 'missing label "shipper.booking.com/release.generation" in release "r"'],
    ['', 'is no whole number'],
    ['1.5', 'is no whole number'],
    ['one', 'is no whole number'],
    ['0x1', 'is no whole number'],
  ])('of generation %j cannot be put in order', (annotation, message) => {
    expect(readGeneration('r', annotation)).toMatchObject({
      ok: false,
      message: expect.stringContaining(message),
    });
  });

  it('of a written generation can', () => {
    expect(readGeneration('r', '12')).toEqual({ ok: true, generation: 12 });
  });

  it('have the newest as contender, and as incumbent the newest complete one before it', () => {
    const all = [release(2, false), release(0), release(3), release(1)];
    expect(contenderOf(all)?.name).toBe('r3');
    expect(incumbentOf(all)?.name).toBe('r1');
    expect(incumbentOf([release(0)])).toBeUndefined();
    expect(contenderOf([])).toBeUndefined();
  });

  it('have neighbours, also one that was deleted', () => {
    const all = [release(5), release(1), release(3)];
    const neighbours = (generation: number) => {
      const { predecessor, successor } = siblingsOf(release(generation), all);
      return [predecessor?.name, successor?.name];
    };
    expect(neighbours(1)).toEqual([undefined, 'r3']);
    expect(neighbours(3)).toEqual(['r1', 'r5']);
    expect(neighbours(5)).toEqual(['r3', undefined]);
    expect(neighbours(4)).toEqual(['r3', 'r5']);
    expect(neighbours(6)).toEqual(['r5', undefined]);
    expect(neighbours(0)).toEqual([undefined, 'r1']);
  });
});

describe('the history', () => {
  it.each([
    [undefined, 20],
    [0, 1],
    [-5, 1],
    [7, 7],
    [5000, 1000],
  ])('with limit %s keeps %i', (limit, expected) => {
    expect(historyLimit(limit)).toBe(expected);
  });

  it('loses the oldest above the limit, which does not count the newest', () => {
    const all = [release(3), release(2), release(1), release(0)];
    expect(releasesToDelete(all, 1)).toEqual(['r0', 'r1']);
    expect(releasesToDelete(all, 3)).toEqual([]);
  });

  it('loses what was never complete, but for the newest', () => {
    const all = [release(0), release(1, false), release(2), release(3, false)];
    expect(releasesToDelete(all, undefined)).toEqual(['r1']);
    expect(releasesToDelete([release(0, false)], 1)).toEqual([]);
    expect(releasesToDelete([], 1)).toEqual([]);
  });
});

describe('rollout blocks', () => {
  it.each([
    [undefined, ''],
    ['', ''],
    [',', ''],
    ['ns/b', 'ns/b'],
    ['ns/b,ns/a,,ns/b', 'ns/a,ns/b'],
    // Blanks are part of a name, as in Shipper.
    ['ns/a, ns/b', ' ns/b,ns/a'],
  ])('of %j read and written are %j', (text, written) => {
    expect(formatObjectNames(readObjectNames(text))).toBe(written);
  });

  it('have differences', () => {
    expect(namesWithout(['a', 'b', 'c'], ['b', 'd'])).toEqual(['a', 'c']);
    expect(namesWithout([], ['b'])).toEqual([]);
  });

  it('hold up what does not override them all', () => {
    expect(judgeBlocks(['ns/b', 'ns/a', 'rollout-blocks-global/g'], ['ns/a'])).toEqual({
      kind: 'blocked',
      by: ['ns/b', 'rollout-blocks-global/g'],
      message: 'rollout block(s) with name(s) "ns/b,rollout-blocks-global/g" exist',
    });
  });

  it('let pass what does', () => {
    expect(judgeBlocks(['ns/a', 'ns/b'], ['ns/b', 'ns/a'])).toEqual({
      kind: 'free',
      overridden: ['ns/a', 'ns/b'],
    });
    expect(judgeBlocks([], [])).toEqual({ kind: 'free', overridden: [] });
  });

  it('hold up what overrides one that is not there', () => {
    expect(judgeBlocks(['ns/a'], ['ns/a', 'ns/gone'])).toEqual({
      kind: 'invalid-override',
      missing: ['ns/gone'],
      message: 'rollout block with name "ns/gone" does not exist',
    });
  });

  it('that a release overrides are overridden by its application too', () => {
    expect(mergeOverrides('ns/b', 'ns/a,ns/b')).toBe('ns/a,ns/b');
    expect(mergeOverrides(undefined, undefined)).toBe('');
  });
});

describe('a failure', () => {
  it.each([401, 409, 429, 500, 503, 504, 418, undefined])('with code %s is tried again', (code) => {
    expect(shouldRetry({ kind: 'api', code })).toBe(true);
  });

  it.each([400, 403, 404, 405, 410, 422])('with code %i is not', (code) => {
    expect(shouldRetry({ kind: 'api', code })).toBe(false);
  });

  it('because of a namespace that goes is, as it may come back', () => {
    expect(shouldRetry({ kind: 'api', code: 403, causes: ['NamespaceTerminating'] })).toBe(true);
    expect(shouldRetry({ kind: 'api', code: 404, resource: 'namespaces' })).toBe(true);
    expect(shouldRetry({ kind: 'api', code: 404, resource: 'deployments' })).toBe(false);
  });

  it('of several parts is when any of them is', () => {
    const never = { kind: 'known', retry: false } as const;
    expect(shouldRetry({ kind: 'several', failures: [never, { kind: 'api', code: 409 }] })).toBe(true);
    expect(shouldRetry({ kind: 'several', failures: [never, { kind: 'api', code: 404 }] })).toBe(false);
    expect(shouldRetry({ kind: 'several', failures: [] })).toBe(false);
  });

  it('that nobody knows is', () => {
    expect(shouldRetry({ kind: 'unknown' })).toBe(true);
    expect(shouldRetry({ kind: 'known', retry: true })).toBe(true);
  });
});

describe('a condition', () => {
  const before: readonly ShipperCondition[] = [
    { type: 'Scheduled', status: 'True', lastTransitionTime: 'early' },
    { type: 'Blocked', status: 'False', lastTransitionTime: 'early', reason: '', message: '' },
  ];

  it('that says the same leaves all as it is', () => {
    expect(setCondition(before, { type: 'Blocked', status: 'False' }, 'now')).toBe(before);
  });

  it('with another message keeps its time, with another status it does not', () => {
    expect(setCondition(before, { type: 'Scheduled', status: 'True', message: 'x' }, 'now')[1]).toEqual({
      type: 'Scheduled',
      status: 'True',
      message: 'x',
      lastTransitionTime: 'early',
    });
    expect(setCondition(before, { type: 'Scheduled', status: 'False' }, 'now')[1]).toEqual({
      type: 'Scheduled',
      status: 'False',
      lastTransitionTime: 'now',
    });
  });

  it('that is new has its place by type', () => {
    const after = setCondition(before, { type: 'Complete', status: 'True' }, 'now');
    expect(after.map(({ type }) => type)).toEqual(['Blocked', 'Complete', 'Scheduled']);
  });
});
