import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runBatch } from '../../../src/cli/offline/run-batch.ts';
import { stableJson } from '../../../src/base/index.ts';

interface Line {
  readonly name: string;
  readonly plan?: object;
  readonly overflow?: object;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly stage?: string };
}

interface Case {
  readonly name: string;
  readonly expectedPlan?: object;
  readonly expectedOverflow?: object;
  readonly expected?: object;
  readonly expectedOverrides?: object;
  readonly error?: { readonly stage: string; readonly code: string };
}

function batch(cases: readonly unknown[]): readonly Line[] {
  const { out, exitCode } = runBatch(JSON.stringify(cases));
  expect(exitCode).toBe(0);
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const read = (file: string) =>
  JSON.parse(readFileSync(`test/cases/${file}-examples.json`, 'utf8')) as readonly Case[];
const examples = [...read('rsp'), ...read('override')];

describe("KubeFed's own examples", () => {
  it('are answered in their order, whichever kind of case comes next', () => {
    const mixed = examples.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(batch(mixed).map(({ name }) => name)).toEqual(mixed.map(({ name }) => name));
  });

  it.each(examples)('$name', (example) => {
    const [line] = batch([example]);
    const { expectedPlan: plan, expectedOverflow: overflow, error } = example;
    if (error) {
      expect(line).toMatchObject({
        name: example.name,
        error: { ...error, message: expect.stringMatching(/\S/) },
      });
      return;
    }
    const result = example.expected ?? example.expectedOverrides;
    const wanted = plan ? { name: example.name, plan, overflow } : { name: example.name, result };
    expect(stableJson(line)).toBe(stableJson(wanted));
  });
});

describe('a division', () => {
  it('needs no more than clusters and a total', () => {
    expect(batch([{ name: 'x', spec: { totalReplicas: 3 }, clusters: ['a'] }])).toEqual([
      { name: 'x', plan: { a: 3 }, overflow: {} },
    ]);
  });

  it('takes what is absent or null for nothing', () => {
    const spec = {
      totalReplicas: 3,
      rebalance: null,
      clusters: { a: {}, b: { weight: 1, maxReplicas: null }, c: null },
    };
    const one = {
      name: 'x',
      spec,
      clusters: ['a', 'b', 'c'],
      currentReplicas: null,
      estimatedCapacity: null,
      key: null,
    };
    expect(batch([one])[0]?.plan).toEqual({ a: 0, b: 3, c: 0 });
  });
});

describe('overrides', () => {
  const input = { kind: 'ConfigMap', metadata: { name: 'x' } };
  const one = (overrides: unknown, rest: object = {}) => ({
    name: 'x',
    kind: 'jsonpatch',
    input,
    cluster: 'c1',
    overrides,
    ...rest,
  });
  const set = (path: string, value: unknown) => [{ clusterName: 'c1', clusterOverrides: [{ path, value }] }];

  it('are applied without the rest of rendering: the object stays as they leave it', () => {
    expect(batch([one(set('/metadata', {}))])[0]?.result).toEqual({ kind: 'ConfigMap', metadata: {} });
  });

  it('end with the managed label where the case asks for it, and replace one that is wrong', () => {
    const labels = { labels: { 'kubefed.io/managed': 'true' } };
    expect(batch([one([], { managedLabel: true })])[0]?.result).toMatchObject({
      metadata: { name: 'x', ...labels },
    });
    expect(batch([one(set('/metadata/labels', 7), { managedLabel: true })])[0]?.result).toMatchObject({
      metadata: labels,
    });
    expect(batch([one(set('/metadata', null), { managedLabel: true })])[0]?.result).toMatchObject({
      metadata: labels,
    });
  });

  it("fail as in KubeFed, where one cluster's error was everyone's", () => {
    const overrides = [{ clusterName: 'c2', clusterOverrides: [{ path: '/kind', value: 'Foo' }] }];
    expect(batch([one(overrides)])[0]?.error).toMatchObject({ stage: 'parse', code: 'invalid-path' });
    expect(batch([one(overrides, { kind: 'dotted' })])[0]?.result).toEqual(input);
    expect(batch([{ name: 'x', kind: 'rspReplicas', overrides, replicas: {} }])[0]?.error).toMatchObject({
      code: 'invalid-path',
    });
  });

  it.each([
    ['invalid-op', [{ op: 'move', path: '/x' }]],
    ['missing-key', [{ op: 'remove', path: '/data' }]],
    ['duplicate-path', [{ path: '/x' }, { path: '/x' }]],
    ['not-a-map', [{ path: '', value: [] }]],
  ])('fail with %s', (code, clusterOverrides) => {
    expect(batch([one([{ clusterName: 'c1', clusterOverrides }])])[0]?.error).toMatchObject({ code });
  });

  it('of nobody leave the object as it is', () => {
    expect(batch([one(null), one(undefined)]).map(({ result }) => result)).toEqual([input, input]);
  });
});

describe('a malformed case', () => {
  const plan = { name: 'x', spec: { totalReplicas: 1 }, clusters: ['a'] };
  const render = { name: 'x', kind: 'jsonpatch', input: {}, cluster: 'c1', overrides: [] };

  it.each<[string, unknown]>([
    ['the case: must be a map', 5],
    ['the case: must be a map', null],
    ['the case: must be a map', []],
    ['spec: is missing: it must be a map', { name: 'x' }],
    ['spec.totalReplicas: is missing', { ...plan, spec: {} }],
    ['spec.totalReplicas: must be a whole number from 0 to 2^53', { ...plan, spec: { totalReplicas: 1.5 } }],
    ['spec.totalReplicas: must be a whole number from 0 to 2^53', { ...plan, spec: { totalReplicas: -1 } }],
    ['spec.totalReplicas: must be a whole number from 0 to 2^53', { ...plan, spec: { totalReplicas: '3' } }],
    [
      'spec.clusters.a.weight: must be a whole number from 0 to 2^53',
      { ...plan, spec: { totalReplicas: 1, clusters: { a: { weight: 2 ** 60 } } } },
    ],
    ['spec.clusters.a: must be a map', { ...plan, spec: { totalReplicas: 1, clusters: { a: 3 } } }],
    ['spec.rebalance: must be true or false', { ...plan, spec: { totalReplicas: 1, rebalance: 'yes' } }],
    ['clusters: is missing: it must be a list', { ...plan, clusters: undefined }],
    ['clusters[1]: must be a text', { ...plan, clusters: ['a', 1] }],
    ['clusters[1]: names "a" a second time', { ...plan, clusters: ['a', 'a'] }],
    ['currentReplicas.a: must be a whole number from 0 to 2^53', { ...plan, currentReplicas: { a: true } }],
    ['key: must be a text', { ...plan, key: 3 }],
    ['kind: must be jsonpatch, dotted or rspReplicas', { ...render, kind: 'other' }],
    ['input: must be a map', { ...render, input: [] }],
    ['cluster: is missing: it must be a text', { ...render, cluster: undefined }],
    ['overrides: must be a list', { ...render, overrides: {} }],
    ['overrides[0].clusterName: is missing: it must be a text', { ...render, overrides: [{}] }],
    [
      'overrides[0].clusterOverrides[0].path: is missing: it must be a text',
      { ...render, overrides: [{ clusterName: 'a', clusterOverrides: [{}] }] },
    ],
  ])('%s', (message, value) => {
    const [line, next] = batch([value, plan]);
    expect(line?.error).toMatchObject({ code: 'invalid-case', message });
    // The others get their answer.
    expect(next?.plan).toEqual({ a: 1 });
  });

  it('without a name is named by its place', () => {
    expect(batch([plan, {}, { ...plan, name: 7 }]).map(({ name }) => name)).toEqual([
      'x',
      'case 2',
      'case 3',
    ]);
  });
});

describe('input that is no array of cases', () => {
  it.each([
    ['{', /not JSON/],
    ['', /not JSON/],
    ['{"name":"x"}', /must be a JSON array/],
  ])('%j is refused', (text, message) => {
    expect(() => runBatch(text)).toThrow(message);
  });

  it('an empty array has an empty answer', () => {
    expect(runBatch('[]')).toEqual({ out: '', err: '', exitCode: 0 });
  });
});
