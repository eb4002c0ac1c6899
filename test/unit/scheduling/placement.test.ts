import { describe, expect, it } from 'vitest';
import { type Member, type MemberName, type Placement, placementOf } from '../../../src/scheduling/index.ts';

const members: readonly Member[] = [
  { name: 'm1' as MemberName, alias: 'A', labels: { region: 'eu' } },
  { name: 'm2' as MemberName, alias: 'B', labels: { region: 'us' } },
  { name: 'm3' as MemberName, alias: 'B', labels: {} },
];
const selector = { matchLabels: { region: 'eu' } };

function place(placement: Placement) {
  const placed = placementOf(placement, members);
  if (placed.kind === 'invalid') throw new Error('expected a valid selector');
  return placed;
}

describe('placement selects', () => {
  it.each<[string, Placement, readonly string[]]>([
    [
      'by name, whatever the selector says',
      { clusters: [{ name: 'm2' }], clusterSelector: selector },
      ['m2'],
    ],
    ['none by an empty list, whatever the selector says', { clusters: [], clusterSelector: {} }, []],
    ['by labels without a list', { clusterSelector: selector }, ['m1']],
    ['all by an empty selector', { clusterSelector: {} }, ['m1', 'm2', 'm3']],
    ['none without either', {}, []],
    ['by alias', { clusters: [{ name: 'A' }] }, ['m1']],
    ['once what is named by name and alias', { clusters: [{ name: 'A' }, { name: 'm1' }] }, ['m1']],
  ])('%s', (_, placement, names) => {
    expect([...place(placement).selected]).toEqual(names);
    expect(place(placement).problems).toEqual([]);
  });

  it('and tells which rule decided about every member', () => {
    expect(Object.fromEntries(place({ clusters: [{ name: 'm1' }] }).verdicts)).toEqual({
      m1: { kind: 'selected', by: 'clusters' },
      m2: { kind: 'left-out', because: 'not-listed' },
      m3: { kind: 'left-out', because: 'not-listed' },
    });
    expect(Object.fromEntries(place({ clusterSelector: selector }).verdicts)).toEqual({
      m1: { kind: 'selected', by: 'clusterSelector' },
      m2: { kind: 'left-out', because: 'labels-differ' },
      m3: { kind: 'left-out', because: 'labels-differ' },
    });
  });

  it('the others when a name is unknown or ambiguous, and tells the place of that name', () => {
    const placed = place({ clusters: [{ name: 'nowhere' }, { name: 'B' }, { name: 'm1' }] });
    expect([...placed.selected]).toEqual(['m1']);
    expect(placed.problems).toMatchObject([
      { kind: 'unknown', name: 'nowhere', index: 0 },
      { kind: 'ambiguous', name: 'B', index: 1 },
    ]);
  });

  it('nothing at all when the selector is wrong: no member counts as left out', () => {
    const wrong = { matchExpressions: [{ key: 'region', operator: 'Near' }] };
    expect(placementOf({ clusterSelector: wrong }, members)).toMatchObject({
      kind: 'invalid',
      problems: [{ field: 'spec.placement.clusterSelector.matchExpressions[0].operator' }],
    });
  });
});
