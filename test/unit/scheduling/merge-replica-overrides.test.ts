import { describe, expect, it } from 'vitest';
import { mergeReplicaOverrides } from '../../../src/scheduling/index.ts';

const path = '/spec/replicas';
const other = { path: '/spec/paused', value: true };

describe('replicas put into overrides', () => {
  it('take the place of an override of replicas and leave the others in order', () => {
    const overrides = [{ clusterName: 'a', clusterOverrides: [{ path, value: 1 }, other] }];
    expect(mergeReplicaOverrides(overrides, { a: 5 })).toEqual([
      { clusterName: 'a', clusterOverrides: [{ path, value: 5 }, other] },
    ]);
  });

  it('keep the op as written, except a removal, which would leave the cluster without its number', () => {
    const entry = (op: 'add' | 'remove') => [
      { clusterName: 'a', clusterOverrides: [{ op, path, value: 1 }] },
    ];
    expect(mergeReplicaOverrides(entry('add'), { a: 5 })[0]?.clusterOverrides).toEqual([
      { op: 'add', path, value: 5 },
    ]);
    expect(mergeReplicaOverrides(entry('remove'), { a: 5 })[0]?.clusterOverrides).toEqual([
      { path, value: 5 },
    ]);
  });

  it('go to new entries at the end, by name, for clusters without one', () => {
    const overrides = [{ clusterName: 'c', clusterOverrides: [other] }];
    expect(
      mergeReplicaOverrides(overrides, { b: 0, a: 2, c: 1 }).map(({ clusterName }) => clusterName),
    ).toEqual(['c', 'a', 'b']);
  });

  it('go from clusters that have no number any more', () => {
    const overrides = [{ clusterName: 'a', clusterOverrides: [{ path, value: 1 }, other] }];
    expect(mergeReplicaOverrides(overrides, {})).toEqual([{ clusterName: 'a', clusterOverrides: [other] }]);
  });

  it('pass over entries for a selector', () => {
    const overrides = [{ clusterSelector: {}, clusterOverrides: [{ path, value: 1 }] }];
    expect(mergeReplicaOverrides(overrides, { a: 5 })[0]).toBe(overrides[0]);
  });

  it('are written with dots in the shape of 2019', () => {
    expect(mergeReplicaOverrides([], { a: 5 }, 'dotted')).toEqual([
      { clusterName: 'a', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] },
    ]);
  });
});
