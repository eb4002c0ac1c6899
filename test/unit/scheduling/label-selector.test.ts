import { describe, expect, it } from 'vitest';
import { type LabelSelector, matchesSelector, selectorProblems } from '../../../src/scheduling/index.ts';

const labels = { region: 'eu', tier: 'gold', empty: '' };
const expression = (key: string, operator: string, ...values: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values.length > 0 ? { values } : {}) }],
});

describe('a selector matches labels', () => {
  it.each<[string, LabelSelector, boolean]>([
    ['everything when empty', {}, true],
    ['an equal label', { matchLabels: { region: 'eu' } }, true],
    ['not another value', { matchLabels: { region: 'us' } }, false],
    ['not without the label', { matchLabels: { zone: '1' } }, false],
    ['an empty value', { matchLabels: { empty: '' } }, true],
    ['only if all labels are equal', { matchLabels: { region: 'eu', tier: 'tin' } }, false],
    ['In', expression('region', 'In', 'us', 'eu'), true],
    ['In with other values', expression('region', 'In', 'us'), false],
    ['In without the label', expression('zone', 'In', ''), false],
    ['NotIn', expression('region', 'NotIn', 'us'), true],
    ['NotIn with its value', expression('region', 'NotIn', 'us', 'eu'), false],
    ['NotIn without the label', expression('zone', 'NotIn', '1'), true],
    ['Exists', expression('empty', 'Exists'), true],
    ['Exists without the label', expression('zone', 'Exists'), false],
    ['DoesNotExist', expression('zone', 'DoesNotExist'), true],
    ['DoesNotExist with the label', expression('region', 'DoesNotExist'), false],
    ['both parts', { matchLabels: { region: 'eu' }, ...expression('tier', 'In', 'gold') }, true],
    ['not if one part differs', { matchLabels: { region: 'eu' }, ...expression('tier', 'In', 'tin') }, false],
  ])('%s', (_, selector, matches) => {
    expect(selectorProblems(selector, 's')).toEqual([]);
    expect(matchesSelector(selector, labels)).toBe(matches);
  });

  it('no label comes from the prototype of objects', () => {
    expect(matchesSelector(expression('constructor', 'Exists'), labels)).toBe(false);
    expect(matchesSelector(expression('toString', 'DoesNotExist'), labels)).toBe(true);
  });
});

describe('a wrong selector is told with its field', () => {
  it.each<[LabelSelector, string]>([
    [{ matchLabels: { '-x': 'y' } }, 's.matchLabels[-x]'],
    [{ matchLabels: { x: 'not a value' } }, 's.matchLabels[x]'],
    [{ matchLabels: { 'UPPER.example/x': 'y' } }, 's.matchLabels[UPPER.example/x]'],
    [{ matchLabels: { x: 'y'.repeat(64) } }, `s.matchLabels[x]`],
    [expression('x', 'Near', 'y'), 's.matchExpressions[0].operator'],
    [expression('x', 'In'), 's.matchExpressions[0].values'],
    [expression('x', 'Exists', 'y'), 's.matchExpressions[0].values'],
    [expression('', 'Exists'), 's.matchExpressions[0].key'],
    [expression('x', 'In', 'a b'), 's.matchExpressions[0].values'],
  ])('%j', (selector, field) => {
    expect(selectorProblems(selector, 's').map((problem) => problem.field)).toEqual([field]);
  });

  it('keys with a prefix and values of 63 characters are right', () => {
    expect(
      selectorProblems({ matchLabels: { 'topology.kubernetes.io/region': 'y'.repeat(63) } }, 's'),
    ).toEqual([]);
  });
});
