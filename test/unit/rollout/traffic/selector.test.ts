import { describe, expect, it } from 'vitest';
import { equalityOf, fitsSelector, impliedLabels } from '../../../../src/rollout/plan/traffic/index.ts';

describe('a selector in its text form', () => {
  const labels = { app: 'web', 'pod-template-hash': 'abc', tier: 'front' };

  it.each([
    ['app=web', true],
    ['app==web', true],
    ['app=web,pod-template-hash=abc', true],
    ['app=web,pod-template-hash=def', false],
    ['app!=web', false],
    ['app!=db', true],
    ['zone!=a', true],
    ['tier in (front, back)', true],
    ['tier in (back),app=web', false],
    ['tier notin (back,side),app=web', true],
    ['tier', true],
    ['zone', false],
    ['!zone', true],
    ['!tier', false],
    // An empty text would select everything.
    ['', false],
  ])('%s fits: %s', (selector, fits) => {
    expect(fitsSelector(selector, labels)).toBe(fits);
  });

  it('tells the labels that it asks for', () => {
    expect(equalityOf('app=web,tier=front')).toEqual({ app: 'web', tier: 'front' });
    expect(equalityOf('app=web,tier in (front)')).toBeUndefined();
    expect(impliedLabels('app=web,tier in (front)')).toEqual({ app: 'web' });
  });
});
