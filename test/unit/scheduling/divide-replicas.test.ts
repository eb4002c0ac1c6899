import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DivisionInput, divideReplicas, explainDivision } from '../../../src/scheduling/index.ts';

type Clusters = NonNullable<DivisionInput['spec']['clusters']>;

const names = ['a', 'b', 'c', 'd', 'e', 'constructor'];
const count = fc.integer({ min: 0, max: 200 });
const name = fc.constantFrom(...names);
const preference = fc.record(
  {
    weight: fc.integer({ min: 0, max: 20 }),
    minReplicas: fc.integer({ min: 0, max: 30 }),
    maxReplicas: count,
  },
  { requiredKeys: ['weight'] },
);
const division: fc.Arbitrary<DivisionInput> = fc.record({
  spec: fc.record({
    totalReplicas: count,
    rebalance: fc.boolean(),
    clusters: fc.dictionary(fc.constantFrom(...names, '*'), preference, { noNullPrototype: true }),
  }),
  clusters: fc.uniqueArray(name, { minLength: 1 }),
  currentReplicas: fc.dictionary(name, count, { noNullPrototype: true }),
  estimatedCapacity: fc.dictionary(name, count, { noNullPrototype: true }),
  key: fc.constantFrom('', 'ns/web', 'shop/cart'),
});
const unbounded = division.map(({ spec, ...rest }) => ({
  ...rest,
  estimatedCapacity: {},
  spec: { ...spec, clusters: withStar(spec.clusters) },
}));

function withStar(clusters: Clusters = {}): Clusters {
  const unlimited = Object.fromEntries(
    Object.entries(clusters).map(([each, { maxReplicas: _, ...rest }]) => [each, rest]),
  );
  return { ...unlimited, '*': { weight: 1 } };
}

function sum(plan: Readonly<Record<string, number>>): number {
  return Object.values(plan).reduce((total, replicas) => total + replicas, 0);
}

describe('any division', () => {
  it('has a whole number, not below zero, for each cluster and no other', () => {
    fc.assert(
      fc.property(division, (input) => {
        const { plan, overflow } = divideReplicas(input);
        expect(Object.keys(plan).sort()).toEqual([...input.clusters].sort());
        for (const replicas of [...Object.values(plan), ...Object.values(overflow)]) {
          expect(Number.isInteger(replicas) && replicas >= 0).toBe(true);
        }
      }),
    );
  });

  it('never gives more than asked for, nor more than a cluster has room for', () => {
    fc.assert(
      fc.property(division, (input) => {
        const { plan } = divideReplicas(input);
        expect(sum(plan)).toBeLessThanOrEqual(input.spec.totalReplicas);
        for (const [each, replicas] of Object.entries(plan)) {
          const capacity = Object.hasOwn(input.estimatedCapacity, each)
            ? input.estimatedCapacity[each]
            : undefined;
          expect(replicas).toBeLessThanOrEqual(capacity ?? Number.POSITIVE_INFINITY);
        }
      }),
    );
  });

  it('places every replica where nothing bounds it and a weight is there', () => {
    fc.assert(
      fc.property(unbounded, (input) => {
        const weighted = input.clusters.some((each) => {
          const own = Object.hasOwn(input.spec.clusters, each) ? input.spec.clusters[each] : undefined;
          return (own ?? { weight: 1 }).weight !== 0;
        });
        fc.pre(weighted);
        expect(sum(divideReplicas(input).plan)).toBe(input.spec.totalReplicas);
      }),
    );
  });

  it('does not depend on the order of the clusters', () => {
    fc.assert(
      fc.property(division, (input) => {
        expect(divideReplicas({ ...input, clusters: input.clusters.toReversed() })).toEqual(
          divideReplicas(input),
        );
        expect(divideReplicas({ ...input, clusters: [...input.clusters].sort() })).toEqual(
          divideReplicas(input),
        );
      }),
    );
  });

  it('is explained with the number that it gives', () => {
    fc.assert(
      fc.property(division, (input) => {
        const { plan } = divideReplicas(input);
        for (const [each, sentence] of Object.entries(explainDivision(input))) {
          expect(sentence).toMatch(new RegExp(`^${plan[each]}: \\S`));
        }
      }),
    );
  });

  it('leaves what it was given as it was', () => {
    fc.assert(
      fc.property(division, (input) => {
        const copy = structuredClone(input);
        divideReplicas(input);
        expect(input).toEqual(copy);
      }),
    );
  });
});

describe('a division of what is in place already', () => {
  it('moves nothing, unless it shall rebalance', () => {
    fc.assert(
      fc.property(unbounded, (input) => {
        const kept = { ...input, spec: { ...input.spec, rebalance: false } };
        const { plan } = divideReplicas(kept);
        expect(divideReplicas({ ...kept, currentReplicas: plan }).plan).toEqual(plan);
      }),
    );
  });
});

describe('rounding', () => {
  it('is upwards, so that 10 over 3 is 4, 4 and 2', () => {
    const { plan } = divideReplicas({
      spec: { totalReplicas: 10 },
      clusters: ['a', 'b', 'c'],
      currentReplicas: {},
      estimatedCapacity: {},
      key: 'ns/web',
    });
    expect(Object.values(plan).toSorted((a, b) => a - b)).toEqual([2, 4, 4]);
  });

  it('loses no digit with weights of 2^53', () => {
    const weight = 2 ** 53;
    const { plan } = divideReplicas({
      spec: { totalReplicas: 9, clusters: { a: { weight: weight / 2 }, b: { weight } } },
      clusters: ['a', 'b'],
      currentReplicas: {},
      estimatedCapacity: {},
      key: '',
    });
    expect(plan).toEqual({ a: 3, b: 6 });
  });
});

describe('the explanation', () => {
  it('tells by which rule a cluster came to its number', () => {
    expect(
      explainDivision({
        spec: {
          totalReplicas: 20,
          clusters: {
            a: { weight: 1, minReplicas: 2, maxReplicas: 4 },
            b: { weight: 1 },
            '*': { weight: 2 },
            z: { weight: 0 },
          },
        },
        clusters: ['a', 'b', 'c', 'z'],
        currentReplicas: { b: 3 },
        estimatedCapacity: { c: 5 },
        key: '',
      }),
    ).toEqual({
      a: '4: 2 as its minimum, 2 by weight 1; maxReplicas allows no more',
      b: '11: 11 by weight 1',
      c: '5: 5 by weight 2 (from "*"); it has no room for more',
      z: '0: weight 0',
    });
  });

  it('of a cluster that nothing names', () => {
    const input = { currentReplicas: {}, estimatedCapacity: {}, key: '' };
    const spec = { totalReplicas: 1, clusters: { a: { weight: 1 } } };
    expect(explainDivision({ ...input, spec, clusters: ['a', 'b'] })).toMatchObject({
      b: '0: not named in spec.clusters, and there is no "*"',
    });
  });

  it('says what stays because it runs there, where the weights alone would move it', () => {
    const input = {
      spec: { totalReplicas: 10, clusters: { '*': { weight: 1 } } },
      clusters: ['a', 'b'],
      currentReplicas: { a: 9, b: 1 },
      estimatedCapacity: {},
      key: '',
    };
    expect(explainDivision(input)).toEqual({
      a: '9: 9 because they run there already (from "*")',
      b: '1: 1 because they run there already (from "*")',
    });
  });
});
