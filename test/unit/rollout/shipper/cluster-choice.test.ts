import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseClusters, preferenceList, xxhash64 } from '../../../../src/rollout/plan/shipper/index.ts';

describe('XXH64', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['as', 0x1c330fb2d66be179n],
    ['asd', 0x631c37ce72a97393n],
    ['asdf', 0x415872f599cea71en],
    ['abc', 0x44bc2cf5ad770999n],
    ['Call me Ishmael. Some years ago--never mind how long precisely-', 0x02a2e85470d6fd96n],
  ])('of %j', (text, hash) => {
    expect(xxhash64(text)).toBe(hash);
  });
});

describe('the order of clusters', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 2, maxLength: 12 });
  const order = (
    application: string,
    clusters: readonly { name: string; weight?: number; identity?: string }[],
  ) => preferenceList(application, clusters).map(({ name }) => name);
  const named = (list: readonly string[]) => list.map((name) => ({ name }));

  it('does not depend on the order in which they are listed', () => {
    fc.assert(
      fc.property(fc.string(), names, (application, list) => {
        expect(order(application, named(list.toReversed()))).toEqual(order(application, named(list)));
      }),
    );
  });

  it('stays for all others when one goes', () => {
    fc.assert(
      fc.property(fc.string(), names, fc.nat(), (application, list, at) => {
        const gone = list[at % list.length];
        const others = list.filter((name) => name !== gone);
        expect(order(application, named(others))).toEqual(
          order(application, named(list)).filter((name) => name !== gone),
        );
      }),
    );
  });

  it('moves only the share of a cluster that is lost', () => {
    const clusters = Array.from({ length: 10 }, (_, index) => `cluster-${index}`);
    const lost = 'cluster-4';
    const first = (list: readonly string[], application: string) => order(application, named(list))[0];
    const applications = Array.from({ length: 2000 }, (_, index) => `app-${index}`);
    const moved = applications.filter(
      (each) =>
        first(clusters, each) !==
        first(
          clusters.filter((name) => name !== lost),
          each,
        ),
    );
    expect(moved.every((each) => first(clusters, each) === lost)).toBe(true);
    // A tenth, give or take what chance does.
    expect(moved.length).toBeGreaterThan(140);
    expect(moved.length).toBeLessThan(260);
  });

  it('follows weights: three times the weight, three times as often the first', () => {
    const clusters = [{ name: 'a', weight: 300 }, { name: 'b' }];
    const wins = Array.from({ length: 4000 }, (_, index) => order(`app-${index}`, clusters)[0]);
    const share = wins.filter((name) => name === 'a').length / wins.length;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
  });

  it('puts a cluster of weight 0 last', () => {
    expect(order('test', [{ name: 'a', weight: 0 }, { name: 'b' }, { name: 'c', weight: 1 }]).at(-1)).toBe(
      'a',
    );
  });

  it('gives a replacement the place of the cluster whose identity it has', () => {
    const before = order('app', named(['a', 'b', 'c', 'd']));
    const after = order('app', [{ name: 'new', identity: 'c' }, ...named(['a', 'b', 'd'])]);
    expect(after).toEqual(before.map((name) => (name === 'c' ? 'new' : name)));
  });
});

describe('the choice of clusters', () => {
  const cluster = (name: string, region = 'r', more: object = {}) => ({ name, region, ...more });
  const choose = (
    regions: readonly { name: string; replicas?: number }[],
    clusters: Parameters<typeof chooseClusters>[2],
    capabilities: readonly string[] = [],
  ) => chooseClusters('test-application', { regions, capabilities }, clusters);

  it('is by name, whatever the order of preference', () => {
    expect(choose([{ name: 'r', replicas: 3 }], [cluster('b'), cluster('a'), cluster('c')])).toEqual({
      kind: 'chosen',
      clusters: ['a', 'b', 'c'],
    });
  });

  it('of none from a region is possible, even from one that has no clusters', () => {
    expect(choose([{ name: 'nowhere', replicas: 0 }, { name: 'r' }], [cluster('a')])).toEqual({
      kind: 'chosen',
      clusters: ['a'],
    });
  });

  it('checks each mention of a region, though the last one counts', () => {
    const regions = [{ name: 'r', replicas: 2 }, { name: 'r' }];
    expect(choose(regions, [cluster('a')])).toMatchObject({ reason: 'NotEnoughClustersInRegion' });
  });

  it('gives the place of a colliding cluster to the one with a little more weight', () => {
    const clusters = [
      cluster('cluster-0', 'r', { identity: 'cluster-1', weight: 101 }),
      cluster('cluster-1'),
    ];
    expect(choose([{ name: 'r' }], clusters)).toMatchObject({ clusters: ['cluster-0'] });
  });

  it('skips what is unschedulable or lacks a capability', () => {
    const clusters = [
      cluster('cluster-1', 'r', { unschedulable: true, capabilities: ['gpu', 'ssd'] }),
      cluster('cluster-0', 'r', { capabilities: ['gpu'] }),
      cluster('z', 'r', { capabilities: ['ssd', 'gpu', 'gpu'] }),
    ];
    expect(choose([{ name: 'r' }], clusters, ['gpu', 'ssd'])).toMatchObject({ clusters: ['z'] });
  });

  it.each([
    [[], [], 'No regions specified in clusterRequirements. Must list at least one region'],
    [[{ name: 'x' }], [], 'Not enough clusters in region "x". Required: 1 / Available: 0'],
    [
      [{ name: 'r', replicas: 2 }],
      ['gpu', 'ssd'],
      'Not enough clusters in region "r" with required capabilities "gpu,ssd". Required: 2 / Available: 0',
    ],
    [[{ name: 'r' }], ['gpu', 'gpu'], 'Capability "gpu" listed more than once in clusterRequirements'],
  ])('for %j with %j tells what is missing', (regions, capabilities, message) => {
    expect(choose(regions, [cluster('a'), cluster('b')], capabilities)).toMatchObject({ message });
  });
});
