import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  achievedPercent,
  exactTargetPods,
  floatTargetPods,
  replicasForPercent,
  shiftTraffic,
  type TrafficPod,
} from '../../../../src/rollout/plan/shipper/index.ts';

const counts = fc.integer({ min: 0, max: 2000 });
const percents = fc.integer({ min: 0, max: 100 });

describe('the pods of a share', () => {
  it('are the fewest that make it up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), percents, (total, percent) => {
        const replicas = replicasForPercent(total, percent);
        expect(BigInt(replicas) * 100n).toBeGreaterThanOrEqual(BigInt(total) * BigInt(percent));
        expect(BigInt(replicas - 1) * 100n).toBeLessThan(
          BigInt(Math.max(1, total)) * BigInt(Math.max(1, percent)),
        );
      }),
    );
  });

  it.each([
    [0, 0],
    [1, 1],
    [33, 1],
    [34, 2],
    [66, 2],
    [67, 3],
    [100, 3],
  ])('%i %% of 3 are %i', (percent, replicas) => {
    expect(replicasForPercent(3, percent)).toBe(replicas);
  });
});

describe('the achieved share', () => {
  it('is rounded up, with the rounding error of Shipper', () => {
    expect(achievedPercent(3, 1)).toBe(34);
    expect(achievedPercent(100, 55)).toBe(56);
  });

  it('is above 100 while too many pods are there, and 0 for a release without pods', () => {
    expect(achievedPercent(4, 5)).toBe(125);
    expect(achievedPercent(0, 0)).toBe(0);
  });
});

describe('the pods with traffic', () => {
  const share = fc.record({ releasePods: counts, weight: counts, totalPods: counts, others: counts });

  it("are by Shipper's floating point at most one more than exact, and never fewer", () => {
    fc.assert(
      fc.property(share, ({ others, ...rest }) => {
        const input = { ...rest, totalWeight: rest.weight + others };
        const difference = floatTargetPods(input) - exactTargetPods(input);
        expect([0, 1]).toContain(difference);
      }),
    );
  });

  it('are, exactly counted, enough for all pods together and less than one too many for each release', () => {
    const releases = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(releases, counts, (weights, totalPods) => {
        const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
        fc.pre(totalWeight > 0);
        const targets = weights.map((weight) =>
          exactTargetPods({ releasePods: totalPods, weight, totalPods, totalWeight }),
        );
        const sum = targets.reduce((all, target) => all + target, 0);
        expect(sum).toBeGreaterThanOrEqual(totalPods);
        expect(sum).toBeLessThan(totalPods + weights.length);
        for (const [index, target] of targets.entries()) {
          expect(target * totalWeight).toBeGreaterThanOrEqual((weights[index] ?? 0) * totalPods);
        }
      }),
    );
  });

  it('are none where nobody has weight, and never more than the release has', () => {
    expect(floatTargetPods({ releasePods: 3, weight: 0, totalPods: 3, totalWeight: 0 })).toBe(0);
    expect(exactTargetPods({ releasePods: 3, weight: 0, totalPods: 3, totalWeight: 0 })).toBe(0);
    expect(exactTargetPods({ releasePods: 1, weight: 100, totalPods: 11, totalWeight: 200 })).toBe(1);
  });
});

describe('shifting labels', () => {
  const pod = (name: string, label: string | undefined, more: Partial<TrafficPod> = {}): TrafficPod => ({
    name,
    release: 'r',
    label,
    isReady: label === 'enabled',
    ...more,
  });
  const shift = (weight: number, pods: readonly TrafficPod[], others = 0) =>
    shiftTraffic(
      [
        { release: 'r', weight },
        { release: 'other', weight: others },
      ],
      pods,
    )[0];

  it('takes the first by name, whether they say disabled or nothing', () => {
    const pods = [pod('c', undefined), pod('b', 'disabled'), pod('a', 'enabled'), pod('d', 'disabled')];
    expect(shift(3, pods, 1)).toMatchObject({ targetPods: 3, toEnable: ['b', 'c'], toDisable: [] });
  });

  it('takes traffic from the first by name', () => {
    const pods = [pod('c', 'enabled'), pod('a', 'enabled'), pod('b', 'enabled')];
    expect(shift(1, pods, 2)).toMatchObject({ targetPods: 1, toEnable: [], toDisable: ['a', 'b'] });
  });

  it("leaves pods alone whose label is someone's own word", () => {
    expect(shift(1, [pod('a', 'drained')])).toMatchObject({ targetPods: 1, podsLabeled: 0, toEnable: [] });
  });

  it('moves nothing once as many are ready as should be, though labels differ', () => {
    const pods = [pod('a', 'enabled', { isReady: false }), pod('b', 'disabled', { isReady: true })];
    expect(shift(1, pods, 1)).toMatchObject({ targetPods: 1, isReady: true, toEnable: [], toDisable: [] });
  });

  it('says that no weight is achieved where there are no pods', () => {
    expect(shift(1, [])).toMatchObject({ targetPods: 0, isReady: true, achievedWeight: 0 });
  });

  it('ends: carried out, with every pod with the label ready, it has nothing more to do', () => {
    const pods = fc.array(
      fc.record({
        release: fc.constantFrom('a', 'b', undefined),
        label: fc.constantFrom('enabled', 'disabled', undefined),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(pods, fc.nat(50), fc.nat(50), (drawn, a, b) => {
        const weights = [
          { release: 'a', weight: a },
          { release: 'b', weight: b },
        ];
        const before = drawn.map((each, index) => pod(`p${index}`, each.label, { release: each.release }));
        const shifts = shiftTraffic(weights, before);
        const enabled = new Set(shifts.flatMap(({ toEnable }) => toEnable));
        const disabled = new Set(shifts.flatMap(({ toDisable }) => toDisable));
        const after = before.map((each) => {
          if (enabled.has(each.name)) return { ...each, label: 'enabled', isReady: true };
          return disabled.has(each.name) ? { ...each, label: 'disabled', isReady: false } : each;
        });
        for (const done of shiftTraffic(weights, after)) expect(done).toMatchObject({ isReady: true });
      }),
    );
  });
});
