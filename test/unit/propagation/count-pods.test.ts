import { describe, expect, it } from 'vitest';
import { countPods, type PodSeen } from '../../../src/propagation/plan/count-pods.ts';

const nowMs = Date.parse('2024-01-01T00:10:00Z');
const running: PodSeen = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };
const stuckSince = (lastTransitionTime: string): PodSeen => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', lastTransitionTime }],
});
const old = stuckSince('2024-01-01T00:08:00Z');
const young = stuckSince('2024-01-01T00:09:30Z');

describe("a workload's pods in a member", () => {
  it("are counted as in KubeFed's own example: 3 running, 2 old and 1 fresh without a node", () => {
    expect(countPods([running, running, running, old, old, young], 6, nowMs)).toEqual({
      current: 3,
      capacity: 4,
      recheckAfterMs: 10_000,
    });
  });

  it('say nothing of room while they only start', () => {
    expect(countPods([{ phase: 'Pending', conditions: [] }], 1, nowMs)).toEqual({ current: 0 });
  });

  it('never leave room for fewer than none, though a rolling update has more pods than replicas', () => {
    expect(countPods([old, old, old], 2, nowMs)).toEqual({ current: 0, capacity: 0 });
  });
});
