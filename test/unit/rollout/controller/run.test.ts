import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { inFleetWords, isUntouched, type Run, viewOf } from '../../../../src/rollout/controller/run.ts';
import { nextStage } from '../../../../src/rollout/plan/steps/index.ts';
import type { MemberObserved } from '../../../../src/rollout/plan/steps/types.ts';
import { rolloutView } from '../../../support/rollout-view.ts';

const view = rolloutView({ members: ['m1', 'm2'] });

/** m1 was edited, m2 was not, m3 joined since. */
function run(state: RolloutStatus = {}): Run {
  const recorded = (hash: string, workloads: Record<string, string>) => ({
    hash,
    number: 1,
    content: { workloads },
  });
  return {
    record: {
      resourceVersion: '1',
      namespace: 'shop',
      name: 'web',
      uid: 'u',
      generation: 1,
      createdAt: '',
      deleting: false,
      finalizers: [],
      hasFinalizer: true,
      labels: {},
      abortReason: undefined,
      controller: undefined,
      spec: { ok: true, value: view.spec },
      status: state,
    },
    spec: view.spec,
    plan: view.plan,
    source: { kind: 'workload', revision: 'new', fleet: { revision: 'new', workloads: {} } },
    target: view.target,
    state,
    contender: recorded('new', { m1: 'bbbb', m2: 'aaaa', m3: 'cccc' }),
    stable: recorded('old', { m1: 'aaaa', m2: 'aaaa' }),
  };
}

const side = {
  capacityPercent: 0,
  desired: 0,
  ready: 0,
  capacityReady: true,
  trafficPercent: undefined,
  trafficReady: true,
  withTraffic: 0,
};
const seen = (revision: string): MemberObserved => ({
  kind: 'seen',
  revision,
  installed: false,
  contender: side,
  incumbent: side,
  total: 4,
  problem: undefined,
});
const options = { revision: 'new', ignoreIncumbentHealth: false, minHealthyPercent: 100 };

describe('a workload that others edit', () => {
  it('has in each member the revisions of its own templates', () => {
    expect(viewOf(run(), 'm1')).toMatchObject({ contender: { hash: 'bbbb' }, incumbent: { hash: 'aaaa' } });
    expect(viewOf(run())).toMatchObject({ contender: { hash: 'new' }, incumbent: { hash: 'old' } });
  });

  it('is told of in the words of the fleet', () => {
    expect(inFleetWords(run(), 'm1', seen('bbbb'))).toMatchObject({ revision: 'new' });
    expect(inFleetWords(run(), 'm1', seen('aaaa'))).toMatchObject({ revision: 'old' });
    expect(inFleetWords(run(), 'm1', seen('dddd'))).toMatchObject({ revision: 'dddd' });
  });

  it('that nobody edited in a cluster holds up no step there', () => {
    expect(['m1', 'm2', 'm3'].map((name) => isUntouched(run(), name))).toEqual([false, true, true]);
    for (const step of [0, 1]) {
      const observed = inFleetWords(
        run({ clusters: [{ name: 'm2', phase: 'Progressing', step }] }),
        'm2',
        seen('aaaa'),
      );
      if (observed.kind !== 'seen') throw new Error(observed.kind);
      expect(
        nextStage(view.plan.steps[step] ?? { capacity: { contender: 0, incumbent: 0 } }, observed, options),
      ).toEqual({
        kind: 'reached',
      });
    }
  });

  it('that nobody edited in a cluster is back at once', () => {
    expect(inFleetWords(run({ abortedBecause: 'x' }), 'm2', seen('aaaa'))).toMatchObject({
      installed: false,
      revision: 'old',
      incumbent: { capacityReady: true },
    });
  });
});
