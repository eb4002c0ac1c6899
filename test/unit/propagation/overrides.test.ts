import { describe, expect, it } from 'vitest';
import type { HubOverride } from '../../../src/api/hub.ts';
import { applyOverrides, checkOverrides } from '../../../src/propagation/plan/overrides.ts';
import { member } from './builders.ts';

const m1 = member('m1', { alias: 'A', labels: { region: 'eu' } });
const m2 = member('m2', { alias: 'B', labels: { region: 'us' } });
const members = [m1, m2];
const object = { kind: 'Deployment', spec: { replicas: 1 } };
const replicas = (value: number) => [{ path: '/spec/replicas', value }];

function applied(overrides: readonly HubOverride[], to = m1, checked?: 'all-entries') {
  return applyOverrides(object, overrides, to, members, 'jsonpatch', checked);
}

describe('an override is for', () => {
  it('the member of that name or alias', () => {
    expect(applied([{ clusterName: 'm1', clusterOverrides: replicas(2) }])).toMatchObject({
      value: { spec: { replicas: 2 } },
    });
    expect(applied([{ clusterName: 'A', clusterOverrides: replicas(2) }])).toMatchObject({
      value: { spec: { replicas: 2 } },
    });
    expect(applied([{ clusterName: 'A', clusterOverrides: replicas(2) }], m2)).toEqual({
      ok: true,
      value: object,
    });
    expect(applied([{ clusterName: 'nowhere', clusterOverrides: replicas(2) }])).toEqual({
      ok: true,
      value: object,
    });
  });

  it('members whose labels its selector matches', () => {
    const overrides = [{ clusterSelector: { matchLabels: { region: 'eu' } }, clusterOverrides: replicas(2) }];
    expect(applied(overrides)).toMatchObject({ value: { spec: { replicas: 2 } } });
    expect(applied(overrides, m2)).toEqual({ ok: true, value: object });
  });

  it('both, the later entry over the earlier', () => {
    const overrides = [
      { clusterSelector: {}, clusterOverrides: replicas(2) },
      { clusterName: 'm1', clusterOverrides: replicas(3) },
    ];
    expect(applied(overrides)).toMatchObject({ value: { spec: { replicas: 3 } } });
    expect(applied(overrides, m2)).toMatchObject({ value: { spec: { replicas: 2 } } });
  });
});

describe('a wrong entry', () => {
  it.each<[string, HubOverride[], { stage: string; code: string; field: string }]>([
    [
      'for a cluster that has one already, by its alias',
      [
        { clusterName: 'm1', clusterOverrides: [] },
        { clusterName: 'A', clusterOverrides: [] },
      ],
      { stage: 'parse', code: 'duplicate-cluster', field: 'spec.overrides[1].clusterName' },
    ],
    [
      'with a path twice',
      [{ clusterName: 'm1', clusterOverrides: [...replicas(1), ...replicas(2)] }],
      { stage: 'parse', code: 'duplicate-path', field: 'spec.overrides[0].clusterOverrides[1].path' },
    ],
    [
      'with two appends to one list',
      [
        {
          clusterName: 'm1',
          clusterOverrides: ['a', 'b'].map((value) => ({ op: 'add' as const, path: '/spec/args/-', value })),
        },
      ],
      { stage: 'parse', code: 'duplicate-path', field: 'spec.overrides[0].clusterOverrides[1].path' },
    ],
    ...['/metadata/name', '/metadata/namespace', '/metadata/generateName', '/kind'].map(
      (path): [string, HubOverride[], { stage: string; code: string; field: string }] => [
        `for the protected ${path}`,
        [{ clusterName: 'm1', clusterOverrides: [{ path, value: 'x' }] }],
        { stage: 'parse', code: 'invalid-path', field: 'spec.overrides[0].clusterOverrides[0].path' },
      ],
    ),
    [
      'with an unknown op',
      [{ clusterName: 'm1', clusterOverrides: [{ op: 'move' as 'add', path: '/spec/x' }] }],
      { stage: 'parse', code: 'invalid-op', field: 'spec.overrides[0].clusterOverrides[0].op' },
    ],
    [
      'below something that is not there',
      [{ clusterName: 'm1', clusterOverrides: [...replicas(1), { path: '/status/x', value: 1 }] }],
      { stage: 'apply', code: 'missing-parent', field: 'spec.overrides[0].clusterOverrides[1].path' },
    ],
    [
      'with a selector that can not be read',
      [
        {
          clusterSelector: { matchExpressions: [{ key: 'x', operator: 'Near' as 'In' }] },
          clusterOverrides: [],
        },
      ],
      {
        stage: 'parse',
        code: 'invalid-selector',
        field: 'spec.overrides[0].clusterSelector.matchExpressions[0].operator',
      },
    ],
    [
      'that leaves a list instead of an object',
      [{ clusterName: 'm1', clusterOverrides: [{ path: '', value: [] }] }],
      { stage: 'apply', code: 'not-a-map', field: 'spec.overrides' },
    ],
  ])('%s', (_, overrides, failure) => {
    expect(applied(overrides)).toMatchObject({ ok: false, failure });
  });

  it('of another member is its own business; in KubeFed it failed all', () => {
    const overrides = [
      { clusterName: 'm1', clusterOverrides: replicas(2) },
      { clusterName: 'm2', clusterOverrides: [{ path: '/kind', value: 'Foo' }] },
    ];
    expect(applied(overrides)).toMatchObject({ ok: true });
    expect(applied(overrides, m1, 'all-entries')).toMatchObject({
      ok: false,
      failure: { code: 'invalid-path' },
    });
    expect(applied(overrides, m2)).toMatchObject({ ok: false, failure: { code: 'invalid-path' } });
  });
});

describe("KubeFed's check of all entries", () => {
  it('finds the first error in the order of the text', () => {
    const overrides = [
      { clusterName: 'x', clusterOverrides: [...replicas(1), ...replicas(2)] },
      { clusterName: 'x', clusterOverrides: [] },
    ];
    expect(checkOverrides(overrides, 'jsonpatch')).toMatchObject({ code: 'duplicate-path' });
    expect(checkOverrides(overrides.toReversed(), 'jsonpatch')).toMatchObject({ code: 'duplicate-cluster' });
  });

  it('protects what the shape protected in its time', () => {
    const kind = [{ clusterName: 'x', clusterOverrides: [{ path: 'kind', value: 'Foo' }] }];
    const name = [{ clusterName: 'x', clusterOverrides: [{ path: 'metadata.name', value: 'Foo' }] }];
    expect(checkOverrides(kind, 'dotted')).toBeUndefined();
    expect(checkOverrides(name, 'dotted')).toMatchObject({ code: 'invalid-path' });
  });
});

describe('dotted paths', () => {
  const dotted = (path: string, value?: unknown) =>
    applyOverrides(
      object,
      [{ clusterName: 'm1', clusterOverrides: [{ path, value }] }],
      m1,
      members,
      'dotted',
    );

  it('make the maps that are missing', () => {
    expect(dotted('metadata.labels.a', 'b')).toMatchObject({
      value: { metadata: { labels: { a: 'b' } }, ...object },
    });
  });

  it('can not go through what is no map, and say how far they came', () => {
    expect(dotted('spec.replicas.x', 1)).toMatchObject({
      ok: false,
      failure: { code: 'not-a-map', message: expect.stringContaining('spec.replicas is not a map') },
    });
  });

  it('set null where there is no value', () => {
    expect(dotted('spec.replicas')).toMatchObject({ value: { spec: { replicas: null } } });
  });
});
