import { describe, expect, it } from 'vitest';
import type { FederatedHub, PreferenceSpec } from '../../../src/api/hub.ts';
import {
  type PreferenceInput,
  planPreference,
  type ScheduledNote,
  undoPreference,
} from '../../../src/propagation/plan/plan-preference.ts';
import { hub, member } from './builders.ts';

const m1 = member('m1', { alias: 'A', labels: { region: 'eu' } });
const m2 = member('m2', { alias: 'B', labels: { region: 'us' } });
const m3 = member('m3', { labels: { region: 'eu' } });
const oneToTwo = { A: { weight: 1, minReplicas: 0 }, B: { weight: 2, minReplicas: 0 } };
const replicas = (value: number) => ({ path: '/spec/replicas', value });
const paused = { path: '/spec/paused', value: true };

function preference(spec: Partial<PreferenceSpec> = {}): PreferenceSpec {
  return {
    targetKind: 'FederatedDeployment',
    totalReplicas: 9,
    rebalance: false,
    intersectWithClusterSelector: false,
    clusters: {},
    ...spec,
  };
}

function planned(input: Partial<PreferenceInput> = {}) {
  const plan = planPreference({
    spec: preference(),
    target: hub({ placement: { clusterSelector: {} } }),
    note: undefined,
    namespacePlacement: undefined,
    members: [m1, m2, m3],
    counts: new Map(),
    key: 'shop/web',
    ...input,
  });
  if (plan.kind !== 'planned') throw new Error(plan.message);
  return plan;
}

/** The target as the preference leaves it. */
function after(target: FederatedHub, { placement, overrides }: ReturnType<typeof planned>): FederatedHub {
  return { ...target, placement, overrides };
}

describe('a preference', () => {
  it('names clusters by their aliases, and the spec gets their names, those with 0 too', () => {
    const plan = planned({ spec: preference({ clusters: oneToTwo }) });
    expect(plan.replicas).toEqual({ m1: 3, m2: 6, m3: 0 });
    expect(plan.placement.clusters).toEqual([{ name: 'm1' }, { name: 'm2' }, { name: 'm3' }]);
    expect(plan.overrides).toEqual([
      { clusterName: 'm1', clusterOverrides: [replicas(3)] },
      { clusterName: 'm2', clusterOverrides: [replicas(6)] },
      { clusterName: 'm3', clusterOverrides: [replicas(0)] },
    ]);
    expect(plan.problems).toEqual([]);
    expect(plan.because['m3']).toMatch(/^0: not named/);
  });

  it('writes dotted paths into an object of 2019', () => {
    const target = hub({ shape: '2019', placement: { clusterNames: ['m1'] } });
    expect(planned({ target, members: [m1] }).overrides).toEqual([
      { clusterName: 'm1', clusterOverrides: [{ path: 'spec.replicas', value: 9 }] },
    ]);
  });

  it('tells names that lead nowhere or to a cluster named already, and does not take all clusters alike for it', () => {
    const clusters = {
      x: { weight: 1, minReplicas: 0 },
      A: { weight: 1, minReplicas: 0 },
      m1: { weight: 1, minReplicas: 0 },
    };
    const plan = planned({ spec: preference({ clusters }) });
    expect(plan.problems.map(({ field }) => field)).toEqual(['spec.clusters.x', 'spec.clusters.m1']);
    expect(plan.replicas).toEqual({ m1: 9, m2: 0, m3: 0 });
    expect(
      planned({ spec: preference({ clusters: { x: { weight: 1, minReplicas: 0 } } }) }).replicas,
    ).toEqual({ m1: 0, m2: 0, m3: 0 });
  });

  it('puts its number into the entry that names the cluster by alias, instead of a second entry', () => {
    const target = hub({ overrides: [{ clusterName: 'A', clusterOverrides: [paused] }] });
    const plan = planned({ target, members: [m1, m2] });
    expect(plan.overrides.map(({ clusterName }) => clusterName)).toEqual(['m1', 'm2']);
    expect(plan.overrides[0]?.clusterOverrides).toEqual([paused, replicas(plan.replicas['m1'] as number)]);
  });

  it('leaves what runs where it runs, and counts the room there is', () => {
    const counts = new Map([
      ['m1', { current: 7 }],
      ['m2', { current: 0, capacity: 1 }],
    ]);
    const plan = planned({ counts, members: [m1, m2] });
    expect(plan.replicas).toEqual({ m1: 8, m2: 1 });
    expect(plan.unplaced).toBe(0);
  });

  it('is even when made together with its target, whichever member was the first to have it', () => {
    const counts = new Map([['m2', { current: 4 }]]);
    const spec = preference({ totalReplicas: 4 });
    const plan = planned({ spec, counts, members: [m1, m2], isNew: true });
    expect(plan.replicas).toEqual({ m1: 2, m2: 2 });
  });

  it('leaves a member what it was given, though it has not all of it yet', () => {
    const target = hub({});
    const spec = preference({ totalReplicas: 4 });
    const first = planned({ spec, target, members: [m1, m2] });
    const counts = new Map([['m1', { current: 0 }]]);
    const again = planned({
      spec,
      target: after(target, first),
      note: first.note,
      counts,
      members: [m1, m2],
    });
    expect(again.replicas).toEqual({ m1: 2, m2: 2 });
  });

  it('adds the overflow to the number, and tells what no cluster has room for', () => {
    const counts = new Map([['m1', { current: 0, capacity: 4 }]]);
    const plan = planned({ counts, members: [m1] });
    expect(plan).toMatchObject({ overflow: { m1: 5 }, replicas: { m1: 9 }, unplaced: 5 });
  });

  it('goes only where both selectors do, with intersectWithClusterSelector; lists are passed over', () => {
    const spec = preference({ intersectWithClusterSelector: true });
    const target = hub({
      placement: { clusters: [{ name: 'm2' }], clusterSelector: { matchLabels: { region: 'eu' } } },
    });
    const all = { clusters: [], clusterSelector: {} };
    const plan = planned({ spec, target, namespacePlacement: all });
    expect(Object.keys(plan.replicas)).toEqual(['m1', 'm3']);
    const again = planned({ spec, target: after(target, plan), note: plan.note, namespacePlacement: all });
    expect(again.replicas).toEqual(plan.replicas);
    expect(
      planPreference({
        spec,
        target,
        note: undefined,
        namespacePlacement: undefined,
        members: [m1],
        counts: new Map(),
        key: '',
      }),
    ).toMatchObject({ kind: 'no-cluster' });
  });

  it('changes nothing while no cluster is ready', () => {
    expect(
      planPreference({
        spec: preference(),
        target: hub(),
        note: undefined,
        namespacePlacement: undefined,
        members: [],
        counts: new Map(),
        key: '',
      }),
    ).toEqual({ kind: 'no-cluster', message: 'no joined cluster is ready' });
  });

  it('comes to rest: planned again over its own result, it changes nothing', () => {
    const target = hub({ overrides: [{ clusterName: 'A', clusterOverrides: [paused, replicas(1)] }] });
    const first = planned({ target });
    const second = planned({ target: after(target, first), note: first.note });
    expect(second).toEqual(first);
  });
});

describe('a preference that goes', () => {
  const own = hub({
    placement: { clusterSelector: { matchLabels: { region: 'eu' } } },
    overrides: [
      { clusterName: 'm1', clusterOverrides: [paused, replicas(1)] },
      { clusterSelector: {}, clusterOverrides: [paused] },
    ],
  });

  it('leaves placement and overrides as the user had them', () => {
    const plan = planned({ target: own });
    expect(undoPreference(after(own, plan), plan.note)).toEqual({
      placement: own.placement,
      overrides: own.overrides,
    });
  });

  it('does so after many plans over different members, too', () => {
    let target = own;
    let note: ScheduledNote | undefined;
    for (const members of [[m1, m2, m3], [m2], [m2, m3], [m1, m2, m3], [m3]]) {
      const plan = planned({ target, note, members });
      target = after(target, plan);
      note = plan.note;
    }
    const undone = undoPreference(target, note as ScheduledNote);
    expect(undone.placement).toEqual(own.placement);
    expect(undone.overrides).toEqual(own.overrides);
  });

  it('leaves what the user changed since', () => {
    const plan = planned({ target: own });
    const target = after(own, plan);
    const changed = {
      ...target,
      placement: { clusters: [{ name: 'm2' }] },
      overrides: target.overrides.map((entry) =>
        entry.clusterName === 'm2' ? { ...entry, clusterOverrides: [replicas(77)] } : entry,
      ),
    };
    const undone = undoPreference(changed, plan.note);
    expect(undone.placement).toEqual({ clusters: [{ name: 'm2' }] });
    expect(undone.overrides).toContainEqual({ clusterName: 'm2', clusterOverrides: [replicas(77)] });
    expect(undone.overrides.map(({ clusterName }) => clusterName)).toEqual(['m1', undefined, 'm2']);
  });

  it('restores a number for a cluster that has not joined', () => {
    const target = hub({ overrides: [{ clusterName: 'elsewhere', clusterOverrides: [replicas(5)] }] });
    const first = planned({ target });
    const second = planned({ target: after(target, first), note: first.note });
    expect(undoPreference(after(target, second), second.note).overrides).toEqual(target.overrides);
  });
});
