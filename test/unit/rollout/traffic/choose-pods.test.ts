import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePods, countServing, type TrafficPod } from '../../../../src/rollout/plan/traffic/index.ts';

const pod = (name: string, side: TrafficPod['side'], rest: Partial<TrafficPod> = {}): TrafficPod => ({
  name,
  side,
  isReady: true,
  isEnabled: false,
  ...rest,
});

const some = (count: number, side: TrafficPod['side'], rest: Partial<TrafficPod> = {}) =>
  Array.from({ length: count }, (_, index) => pod(`${side}-${index}`, side, rest));

/** As the router does: first those that are enabled, then those that are disabled. */
function carryOut(pods: readonly TrafficPod[], choice: ReturnType<typeof choosePods>) {
  const raised = pods.map((each) => ({
    ...each,
    isEnabled: each.isEnabled || choice.enable.includes(each.name),
  }));
  const after = raised.map((each) => ({
    ...each,
    isEnabled: each.isEnabled && !choice.disable.includes(each.name),
  }));
  return { raised, after };
}

describe('which pods get the traffic label', () => {
  it('moves as few as it can, the first by name', () => {
    const pods = [
      ...some(3, 'contender'),
      pod('incumbent-0', 'incumbent'),
      pod('incumbent-1', 'incumbent', { isEnabled: true }),
      pod('incumbent-2', 'incumbent', { isEnabled: true }),
    ];
    const choice = choosePods(pods, { contender: 34, incumbent: 66 }, 0);
    expect(choice.wanted).toEqual({ contender: 3, incumbent: 3 });
    expect(choosePods(pods, { contender: 50, incumbent: 50 }, 0).disable).toEqual([]);
    expect(choosePods(pods, { contender: 0, incumbent: 100 }, 0).enable).toEqual(['incumbent-0']);
    expect(choosePods(pods, { contender: 100, incumbent: 0 }, 0)).toMatchObject({
      enable: ['contender-0', 'contender-1', 'contender-2'],
      disable: ['incumbent-1', 'incumbent-2'],
    });
  });

  it('takes another pod for one that is no longer ready', () => {
    const pods = [
      pod('a', 'contender', { isReady: false, isEnabled: true }),
      pod('b', 'contender'),
      ...some(9, 'incumbent', { isEnabled: true }),
    ];
    const choice = choosePods(pods, { contender: 10, incumbent: 90 }, 0);
    expect(choice.enable).toEqual(['b']);
    expect(choice.wanted).toEqual({ contender: 1, incumbent: 9 });
  });

  it('labels pods that are not ready yet, where their share takes them in', () => {
    const pods = [
      ...some(2, 'incumbent', { isEnabled: true }),
      pod('new', 'incumbent', { isReady: false }),
      pod('canary', 'contender', { isReady: false }),
    ];
    const choice = choosePods(pods, { contender: 0, incumbent: 100 }, 3);
    expect(choice.enable).toEqual(['new']);
    expect(choice.wanted).toEqual({ contender: 0, incumbent: 2 });
  });

  const anyPods = fc
    .array(
      fc.record({
        side: fc.constantFrom('contender' as const, 'incumbent' as const),
        isReady: fc.boolean(),
        isEnabled: fc.boolean(),
      }),
      { maxLength: 40 },
    )
    .map((list) => list.map((each, index) => ({ ...each, name: `pod-${index}` })));

  it('leaves exactly the wanted ready pods with traffic, and then has nothing more to do', () => {
    fc.assert(
      fc.property(anyPods, fc.nat(100), fc.nat(100), fc.nat(40), (pods, contender, incumbent, promised) => {
        const shares = { contender, incumbent };
        const choice = choosePods(pods, shares, promised);
        const { after } = carryOut(pods, choice);
        expect(countServing(after)).toEqual(choice.wanted);
        expect(choosePods(after, shares, promised)).toMatchObject({ enable: [], disable: [] });
      }),
    );
  });

  it('has at no moment of a call fewer with traffic than both before and after it', () => {
    fc.assert(
      fc.property(anyPods, fc.nat(100), fc.nat(100), (pods, contender, incumbent) => {
        const { raised, after } = carryOut(pods, choosePods(pods, { contender, incumbent }, 0));
        const sum = (list: readonly TrafficPod[]) => {
          const counts = countServing(list);
          return counts.contender + counts.incumbent;
        };
        expect(sum(raised)).toBeGreaterThanOrEqual(Math.max(sum(pods), sum(after)));
      }),
    );
  });
});
