import { describe, expect, it } from 'vitest';
import {
  type FederatedStatus,
  type MemberLine,
  type StatusInput,
  sameStatus,
  statusOf,
} from '../../../src/propagation/status.ts';

const t0 = Date.parse('2024-01-01T00:00:00Z');
const t1 = t0 + 60_000;

const line = (name: string, rest: Partial<MemberLine> = {}): MemberLine => ({
  name,
  selected: true,
  ready: { ok: true },
  outcome: { kind: 'in-place', version: 'v1', sinceMs: t0 },
  ...rest,
});
const failed = (name: string, message: string): MemberLine =>
  line(name, { outcome: { kind: 'failed', status: 'UpdateFailed', message, sinceMs: t0 } });

function status(input: Partial<StatusInput> = {}): FederatedStatus {
  return statusOf({
    generation: 1,
    before: undefined,
    trouble: undefined,
    lines: [line('m2'), line('m1')],
    notes: [],
    hasReplicas: false,
    deleting: false,
    nowMs: t0,
    ...input,
  });
}
const condition = (of: FederatedStatus) => of.conditions?.[0];

describe('status', () => {
  it('of an object that is in place everywhere', () => {
    expect(status()).toEqual({
      observedGeneration: 1,
      conditions: [
        {
          type: 'Propagation',
          status: 'True',
          lastUpdateTime: '2024-01-01T00:00:00Z',
          lastTransitionTime: '2024-01-01T00:00:00Z',
        },
      ],
      clusters: [
        { name: 'm1', lastTransitionTime: '2024-01-01T00:00:00Z', version: 'v1' },
        { name: 'm2', lastTransitionTime: '2024-01-01T00:00:00Z', version: 'v1' },
      ],
      summary: { selected: 2, inSync: 2, failing: 0, text: '2/2' },
    });
  });

  it('names the first cluster that fails, and how many more do', () => {
    const of = status({ lines: [failed('m3', 'no'), failed('m1', 'the quota is full'), line('m2')] });
    expect(condition(of)).toMatchObject({
      status: 'False',
      reason: 'CheckClusters',
      message: 'm1: the quota is full (and 1 more in status.clusters)',
    });
    expect(of.summary).toMatchObject({ selected: 3, inSync: 1, failing: 2, text: '1/3' });
  });

  it('has what concerns the whole object before what single clusters say', () => {
    const of = status({
      trouble: { reason: 'InvalidSpec', message: 'spec.placement: must be a map' },
      lines: [failed('m1', 'no')],
    });
    expect(condition(of)).toMatchObject({
      status: 'False',
      reason: 'InvalidSpec',
      message: 'spec.placement: must be a map',
    });
  });

  it('of an object that is being deleted says what blocks that', () => {
    expect(condition(status({ deleting: true, lines: [failed('m1', 'no')] }))).toMatchObject({
      reason: 'DeletionBlocked',
    });
  });

  it('lets an absent cluster speak for itself, and keeps what it had, so that its return needs no write', () => {
    const before = status();
    const away = line('m1', {
      ready: { ok: false, message: 'it does not answer', sinceMs: t1 },
      outcome: undefined,
    });
    expect(status({ before, lines: [away, line('m2')], nowMs: t1 }).clusters?.[0]).toEqual({
      name: 'm1',
      status: 'ClusterNotReady',
      message: 'it does not answer',
      lastTransitionTime: '2024-01-01T00:01:00Z',
      version: 'v1',
    });
  });

  it('is silent about a cluster that is not selected and holds nothing', () => {
    const away = { ready: { ok: false as const, message: 'x', sinceMs: t0 } };
    const idle = { selected: false, outcome: undefined };
    expect(status({ lines: [line('m1', idle), line('m2', { ...idle, ...away })] }).clusters).toEqual([]);
  });

  it('waits for a first write without counting it as a failure', () => {
    const of = status({ lines: [line('m1', { outcome: undefined })] });
    expect(of.clusters).toMatchObject([{ status: 'Waiting' }]);
    expect(of.summary).toMatchObject({ inSync: 0, failing: 0, text: '0/1' });
  });

  it('tells names that lead nowhere among the clusters, in order of names', () => {
    const notes = [{ name: 'm11', status: 'UnknownCluster' as const, message: 'no such cluster' }];
    const of = status({ notes });
    expect(of.clusters?.map(({ name }) => name)).toEqual(['m1', 'm11', 'm2']);
    expect(of.summary?.text).toBe('2/3');
    expect(condition(of)?.message).toBe('m11: no such cluster');
  });

  it('adds up replicas of kinds that have some', () => {
    const lines = [
      line('m1', { replicas: 3, readyReplicas: 2 }),
      line('m2', { replicas: 6, readyReplicas: 6 }),
    ];
    expect(status({ lines, hasReplicas: true }).summary).toMatchObject({ replicas: 9, readyReplicas: 8 });
    expect(status({ lines }).summary).not.toHaveProperty('replicas');
  });
});

describe('times in a status', () => {
  it('stay while the state is the same, so that nothing needs to be written', () => {
    const before = status();
    const later = status({ before, nowMs: t1 });
    expect(later).toEqual(before);
    expect(sameStatus(before, later)).toBe(true);
  });

  it('of the condition: an update when another cluster fails, a transition when the state changes', () => {
    const one = status({ lines: [failed('m1', 'no'), line('m2')] });
    const both = status({ before: one, lines: [failed('m1', 'no'), failed('m2', 'no')], nowMs: t1 });
    expect(condition(both)).toMatchObject({
      lastUpdateTime: '2024-01-01T00:01:00Z',
      lastTransitionTime: '2024-01-01T00:00:00Z',
    });
    const none = status({ before: both, nowMs: t1 + 60_000 });
    expect(condition(none)).toMatchObject({
      lastUpdateTime: '2024-01-01T00:02:00Z',
      lastTransitionTime: '2024-01-01T00:02:00Z',
    });
  });

  it('of the condition stay when only replicas change, or every new pod would look like news', () => {
    const before = status({ hasReplicas: true, lines: [line('m1', { readyReplicas: 1 })] });
    const later = status({ hasReplicas: true, before, lines: [line('m1', { readyReplicas: 2 })], nowMs: t1 });
    expect(condition(later)).toEqual(condition(before));
    expect(sameStatus(before, later)).toBe(false);
  });

  it('of a cluster change with its state', () => {
    const before = status();
    const { clusters } = status({
      before,
      lines: [
        line('m1', { outcome: { kind: 'failed', status: 'UpdateFailed', message: 'x', sinceMs: t1 } }),
        line('m2'),
      ],
      nowMs: t1,
    });
    expect(clusters).toMatchObject([
      { name: 'm1', lastTransitionTime: '2024-01-01T00:01:00Z', version: 'v1' },
      { name: 'm2', lastTransitionTime: '2024-01-01T00:00:00Z' },
    ]);
  });
});

describe('two statuses', () => {
  it('are the same whatever the order of keys, and nothing is the same as none', () => {
    const one = status();
    const turned = Object.fromEntries(Object.entries(one).toReversed()) as FederatedStatus;
    expect(sameStatus(turned, one)).toBe(true);
    expect(sameStatus(undefined, one)).toBe(false);
    expect(sameStatus({ ...one, observedGeneration: 2 }, one)).toBe(false);
  });
});
