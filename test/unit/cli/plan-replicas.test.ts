import { describe, expect, it } from 'vitest';
import { readCounts, readMembers } from '../../../src/cli/offline/cluster-flags.ts';
import { type PlanOptions, runPlan } from '../../../src/cli/offline/run-plan.ts';

const guide = `
apiVersion: scheduling.federation.k8s.io/v1alpha1
kind: ReplicaSchedulingPreference
metadata:
  name: test-deployment
  namespace: test-ns
spec:
  targetKind: FederatedDeployment
  totalReplicas: 9
  clusters:
    A: {weight: 1}
    B: {weight: 2}
`;

function plan(options: Partial<PlanOptions> = {}) {
  return runPlan({
    text: guide,
    clusters: ['A', 'B', 'C'],
    currentReplicas: {},
    estimatedCapacity: {},
    key: undefined,
    format: 'json',
    ...options,
  });
}

describe('plan replicas', () => {
  it('prints plan and overflow as JSON, the guide of 2019 with 3 and 6', () => {
    const { out, err, exitCode } = plan();
    expect(JSON.parse(out)).toEqual({ plan: { A: 3, B: 6, C: 0 }, overflow: {} });
    expect({ err, exitCode }).toEqual({ err: '', exitCode: 0 });
  });

  it('looks at what runs and at the room there is', () => {
    const { out } = plan({ currentReplicas: { A: 9 }, estimatedCapacity: { A: 5 } });
    expect(JSON.parse(out)).toEqual({ plan: { A: 5, B: 4, C: 0 }, overflow: {} });
    const full = plan({ clusters: ['A'], estimatedCapacity: { A: 5 } });
    expect(JSON.parse(full.out)).toEqual({ plan: { A: 5 }, overflow: { A: 4 } });
  });

  it('breaks ties by namespace and name, or by the key it is given', () => {
    const alike = guide.replace(/ {2}clusters:[^]*/, '').replace('9', '1');
    const winner = (key: string | undefined, text = alike) =>
      JSON.parse(plan({ text, key, clusters: ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'] }).out) as object;
    expect(winner(undefined)).toEqual(winner('test-ns/test-deployment'));
    const keys = ['a/b', 'shop/web', 'x/cart', 'team/api', 'one/two', 'test-ns/other'];
    expect(new Set(keys.map((key) => JSON.stringify(winner(key)))).size).toBeGreaterThan(1);
  });

  it('says why in a table, and what fits nowhere', () => {
    expect(plan({ format: undefined }).out).toBe(
      [
        'CLUSTER  REPLICAS  OVERFLOW  BECAUSE',
        'A               3         0  3 by weight 1',
        'B               6         0  6 by weight 2',
        'C               0         0  not named in spec.clusters, and there is no "*"',
        '',
        'All 9 replicas have a cluster.',
        '',
      ].join('\n'),
    );
    expect(plan({ format: undefined, clusters: ['A'], estimatedCapacity: { A: 5 } }).out).toContain(
      '5 of 9 replicas have a cluster; 4 fit nowhere.',
    );
  });

  it("reads JSON and today's group, passes over other objects and tells names that are no cluster", () => {
    const object = {
      apiVersion: 'scheduling.kubefed.io/v1alpha1',
      kind: 'ReplicaSchedulingPreference',
      metadata: { name: 'web' },
      spec: { targetKind: 'FederatedDeployment', totalReplicas: 2, clusters: { '*': { weight: 1 }, X: {} } },
    };
    const { out, err } = plan({
      text: JSON.stringify({ kind: 'List', items: [object, { kind: 'Service' }] }),
      clusters: ['A'],
    });
    expect(JSON.parse(out)).toMatchObject({ plan: { A: 2 } });
    expect(err).toMatch(/note: document 1, item 2: passed over/);
    expect(err).toMatch(/note: spec\.clusters\.X: not one of --clusters/);
  });

  it.each([
    ['no preference', 'kind: Service', /holds no ReplicaSchedulingPreference/],
    ['two preferences', `${guide}---${guide}`, /holds 2 ReplicaSchedulingPreferences/],
    [
      'a wrong field',
      guide.replace('9', 'nine'),
      /ReplicaSchedulingPreference test-ns\/test-deployment: spec\.totalReplicas: must be/,
    ],
    ['text that is no YAML', 'a: [', /document 1: /],
  ])('refuses %s with a sentence', (_, text, message) => {
    expect(() => plan({ text })).toThrow(message);
  });
});

describe('the flags that name clusters', () => {
  it('give labels to one cluster or to all', () => {
    expect(readMembers('A, B', ['A:region=eu,tier=gold', 'B:example.com/x='])).toEqual([
      { name: 'A', labels: { region: 'eu', tier: 'gold' } },
      { name: 'B', labels: { tier: 'gold', 'example.com/x': '' } },
    ]);
  });

  it('give numbers', () => {
    expect(readCounts('--current', 'A=3, B=0', ['A', 'B'])).toEqual({ A: 3, B: 0 });
    expect(readCounts('--current', undefined, ['A'])).toEqual({});
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no cluster', () => readMembers(undefined), /--clusters A,B/],
    ['an empty list', () => readMembers(' , '), /--clusters A,B/],
    ['a cluster twice', () => readMembers('A,B,A'), /names A twice/],
    ['a label without value', () => readMembers('A', ['region']), /KEY=VALUE/],
    ['a label of another cluster', () => readMembers('A', ['B:x=y']), /"B" is not one of --clusters A/],
    ['a number that is none', () => readCounts('--current', 'A=x', ['A']), /CLUSTER=NUMBER/],
    ['a number below zero', () => readCounts('--current', 'A=-1', ['A']), /CLUSTER=NUMBER/],
    ['a number without cluster', () => readCounts('--capacity', '3', ['A']), /CLUSTER=NUMBER/],
    ['a number of another cluster', () => readCounts('--capacity', 'B=3', ['A']), /"B" is not one/],
    ['two numbers of a cluster', () => readCounts('--capacity', 'A=3,A=4', ['A']), /A has two numbers/],
  ])('are refused with %s', (_, read, message) => {
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ reason: 'InvalidOption' }));
  });
});
