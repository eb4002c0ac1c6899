import { describe, expect, it } from 'vitest';
import { countPods, type PodSeen } from '../../../src/propagation/plan/count-pods.ts';

const nowMs = Date.parse('2024-01-01T00:10:00Z');
const running: PodSeen = { conditions: [{ type: 'Ready', status: 'True' }] };
const starting: PodSeen = { conditions: [] };
const stuckSince = (lastTransitionTime: string): PodSeen => ({
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', lastTransitionTime }],
});
const old = stuckSince('2024-01-01T00:08:00Z');
const young = stuckSince('2024-01-01T00:09:30Z');

describe("a workload's pods in a member", () => {
  it('count against its room when no node takes them for a minute, and are looked at again before', () => {
    expect(countPods([running, running, running, old, old, young], 6, nowMs)).toEqual({
      current: 4,
      capacity: 4,
      recheckAfterMs: 10_000,
    });
  });

  it('are held while they only start: their replicas are not given away', () => {
    expect(countPods([running, starting], 3, nowMs)).toEqual({ current: 3 });
    expect(countPods([], 3, nowMs)).toEqual({ current: 3 });
  });

  it('never leave room for fewer than none, though a rolling update has more pods than replicas', () => {
    expect(countPods([old, old, old], 2, nowMs)).toEqual({ current: 0, capacity: 0 });
  });
});
