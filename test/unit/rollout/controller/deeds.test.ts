import { describe, expect, it } from 'vitest';
import { deedsFor, doneMembers, lostOnTheWayBack } from '../../../../src/rollout/controller/deeds.ts';
import type { MemberObserved, Order, RolloutPlan } from '../../../../src/rollout/plan/steps/types.ts';
import { rolloutView } from '../../../support/rollout-view.ts';

const side = (capacityPercent: number | undefined, pods: number) => ({
  capacityPercent,
  desired: pods,
  ready: pods,
  capacityReady: true,
  trafficPercent: undefined,
  trafficReady: true,
  withTraffic: pods,
});

function seen(change: Partial<Extract<MemberObserved, { kind: 'seen' }>> = {}): MemberObserved {
  return {
    kind: 'seen',
    revision: 'new',
    installed: true,
    contender: side(0, 0),
    incumbent: side(100, 4),
    total: 4,
    problem: undefined,
    ...change,
  };
}

const go: Order = { kind: 'go', step: 0, numbers: { capacity: { contender: 25, incumbent: 100 } } };
const deeds = (order: Order, observed: MemberObserved, mode: RolloutPlan['mode'] = 'SideBySide') =>
  deedsFor(new Map([['m1', order]]), new Map([['m1', observed]]), { ...rolloutView().plan, mode }, 'new');

describe('the deed of a member', () => {
  it('is the installation first, then one share', () => {
    expect(deeds(go, seen({ installed: false })).install).toEqual(['m1']);
    expect(deeds(go, seen()).set.get('m1')).toMatchObject({ capacity: { contender: 25 } });
  });

  it('is none while it is held, or does not answer', () => {
    const nothing = { install: [], putBack: [], set: new Map() };
    expect(deeds({ kind: 'hold' }, seen())).toEqual(nothing);
    expect(deeds(go, { kind: 'unreachable', message: 'x' })).toEqual(nothing);
  });

  it('on the way back is the old revision first; the new one goes when that is whole', () => {
    const half = seen({ contender: side(50, 2), incumbent: side(50, 2) });
    expect(deeds({ kind: 'revert' }, half).set.get('m1')).toMatchObject({ capacity: { incumbent: 100 } });
    expect(deeds({ kind: 'revert' }, seen()).putBack).toEqual(['m1']);
  });

  it('on the way back in place is to put it back, as there is one object only', () => {
    const all = seen({ contender: side(100, 4), incumbent: undefined });
    expect(deeds({ kind: 'revert' }, all, 'InPlace').putBack).toEqual(['m1']);
  });
});

describe('clusters', () => {
  const clusters = [
    { name: 'm1', phase: 'Done' as const },
    { name: 'm2', phase: 'Unreachable' as const },
  ];

  it('that do not answer are pinned back with the others when a run is taken back, and never else', () => {
    const observed = new Map<string, MemberObserved>([
      ['m1', seen()],
      ['m2', { kind: 'unreachable', message: 'x' }],
    ]);
    expect(lostOnTheWayBack({ clusters, abortedBecause: 'a person said so' }, observed)).toEqual(['m2']);
    expect(lostOnTheWayBack({ clusters }, observed)).toEqual([]);
  });

  it('are finished when they are done', () => {
    expect(doneMembers({ clusters })).toEqual(['m1']);
  });
});
