import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  executeStrategy,
  isRetreat,
  isSteppingBackwards,
  isStrategyConditionType,
  type ReleaseTargets,
  setStrategyCondition,
  stagesOf,
  type StrategyCondition,
  strategyProblem,
  strategyState,
} from '../../../../src/rollout/plan/shipper/index.ts';

const step = (incumbent: number, contender: number) => ({
  name: `${incumbent}/${contender}`,
  capacity: { incumbent, contender },
  traffic: { incumbent, contender },
});
const vanguard = [step(100, 1), step(50, 50), step(0, 100)];

const early = '2020-01-01T00:00:00Z';
const now = '2020-01-02T00:00:00Z';

interface Shares {
  readonly percent: number;
  readonly weight: number;
  readonly notReady?: 'installation' | 'capacity' | 'traffic';
  readonly stale?: 'capacity' | 'traffic';
}

function targets(release: string, { percent, weight, notReady, stale }: Shares): ReleaseTargets {
  const status = (target: 'installation' | 'capacity' | 'traffic') => ({
    isReady: target !== notReady,
    message: target === notReady ? 'm1: InProgress' : '',
    isCurrent: target !== stale,
  });
  const clusters = ['m2', 'm1'];
  return {
    release,
    installation: status('installation'),
    capacity: {
      ...status('capacity'),
      clusters: clusters.map((name) => ({ name, percent, totalReplicaCount: 10 })),
    },
    traffic: { ...status('traffic'), clusters: clusters.map((name) => ({ name, weight })) },
  };
}

function execute(input: Partial<Parameters<typeof executeStrategy>[0]>) {
  const outcome = executeStrategy({
    steps: vanguard,
    targetStep: 1,
    isSteppingBackwards: false,
    self: targets('new', { percent: 50, weight: 50 }),
    predecessor: targets('old', { percent: 50, weight: 50 }),
    successor: undefined,
    conditions: [],
    now,
    ...input,
  });
  if (outcome.kind !== 'looked') throw new Error(outcome.kind);
  return outcome;
}

describe('a stage', () => {
  it('that has other numbers gets them in all clusters, and the message names those that lack them', () => {
    const { clusters, ...rest } = targets('new', { percent: 1, weight: 0 }).capacity;
    const mixed = clusters.map((cluster) => (cluster.name === 'm1' ? { ...cluster, percent: 50 } : cluster));
    const self = { ...targets('new', { percent: 1, weight: 0 }), capacity: { ...rest, clusters: mixed } };
    const { patches, conditions, stoppedAt } = execute({ self });
    expect(patches).toEqual([
      {
        kind: 'capacity',
        release: 'new',
        percent: 50,
        clusters: [
          { name: 'm2', percent: 50, totalReplicaCount: 10 },
          { name: 'm1', percent: 50, totalReplicaCount: 10 },
        ],
      },
    ]);
    expect(stoppedAt).toEqual({ target: 'capacity', of: 'self' });
    expect(conditions).toContainEqual({
      type: 'ContenderAchievedCapacity',
      status: 'False',
      step: 1,
      reason: 'ClustersNotReady',
      message:
        'release "new" hasn\'t achieved capacity in clusters: [m2]. for more details try `kubectl describe ct new`',
      lastTransitionTime: now,
    });
  });

  it('whose numbers were not seen yet waits for all clusters, without another patch', () => {
    const { patches, conditions } = execute({
      self: targets('new', { percent: 50, weight: 50, stale: 'traffic' }),
    });
    expect(patches).toEqual([]);
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'ContenderAchievedTraffic',
        message:
          'release "new" hasn\'t achieved traffic in clusters: [m1 m2]. for more details try `kubectl describe tt new`',
      }),
    );
  });

  it('that is not ready waits with what its target says', () => {
    const { patches, conditions } = execute({
      self: targets('new', { percent: 50, weight: 50, notReady: 'installation' }),
    });
    expect(patches).toEqual([]);
    expect(conditions).toEqual([
      expect.objectContaining({
        type: 'ContenderAchievedInstallation',
        status: 'False',
        message:
          'clusters pending installation: m1: InProgress. for more details try `kubectl describe it new`',
      }),
    ]);
  });
});

describe('an execution', () => {
  it('keeps what earlier steps told of stages that it does not reach', () => {
    const before: StrategyCondition[] = [
      { type: 'IncumbentAchievedCapacity', status: 'True', step: 0, lastTransitionTime: early },
      { type: 'ContenderAchievedInstallation', status: 'True', step: 0, lastTransitionTime: early },
    ];
    const { conditions, state } = execute({
      conditions: before,
      self: targets('new', { percent: 1, weight: 0 }),
    });
    expect(
      conditions.map(({ type, step: of, lastTransitionTime }) => [type, of, lastTransitionTime]),
    ).toEqual([
      ['ContenderAchievedCapacity', 1, now],
      ['ContenderAchievedInstallation', 1, early],
      ['IncumbentAchievedCapacity', 0, early],
    ]);
    expect(state.waitingForCapacity).toBe('True');
  });

  it('of a first release has no incumbent to wait for', () => {
    const { isStepAchieved, isReleaseComplete, state } = execute({
      predecessor: undefined,
      targetStep: 2,
      self: targets('new', { percent: 100, weight: 100 }),
    });
    expect({ isStepAchieved, isReleaseComplete }).toEqual({ isStepAchieved: true, isReleaseComplete: true });
    expect(Object.values(state)).toEqual(['False', 'False', 'False', 'False']);
  });

  it('waits for an unhealthy incumbent, one stage after the other', () => {
    const done = targets('new', { percent: 100, weight: 100 });
    const stops = (['traffic', 'capacity'] as const).map(
      (notReady) =>
        execute({
          targetStep: 2,
          self: done,
          predecessor: targets('old', { percent: 0, weight: 0, notReady }),
        }).stoppedAt,
    );
    expect(stops).toEqual([
      { target: 'traffic', of: 'predecessor' },
      { target: 'capacity', of: 'predecessor' },
    ]);
  });

  it('of a release that is not the newest follows the incumbent numbers of the newer one', () => {
    const { patches, conditions } = execute({
      self: targets('old', { percent: 100, weight: 50 }),
      predecessor: targets('older', { percent: 100, weight: 100 }),
      successor: { hasAchievedTargetStep: true },
      conditions: [{ type: 'IncumbentAchievedTraffic', status: 'True', step: 2 }],
    });
    expect(patches).toEqual([expect.objectContaining({ kind: 'capacity', release: 'old', percent: 50 })]);
    // Of the release before it nothing was checked, so nothing is told.
    expect(conditions.map(({ type }) => type)).toEqual([
      'ContenderAchievedCapacity',
      'ContenderAchievedInstallation',
      'ContenderAchievedTraffic',
    ]);
  });

  it('of a release that is not the newest waits for the newer one', () => {
    const input = {
      steps: vanguard,
      targetStep: 1,
      isSteppingBackwards: false,
      self: targets('old', { percent: 100, weight: 100 }),
      predecessor: undefined,
      conditions: [],
      now,
    };
    expect(executeStrategy({ ...input, successor: { hasAchievedTargetStep: false } })).toEqual({
      kind: 'waits-for-successor',
    });
    expect(executeStrategy({ ...input, successor: undefined, targetStep: 3 })).toEqual({
      kind: 'no-such-step',
    });
  });
});

describe('walking steps', () => {
  interface Both {
    readonly new: Shares;
    readonly old: Shares;
  }

  const at = ({ capacity, traffic }: ReturnType<typeof step>): Both => ({
    new: { percent: capacity.contender, weight: traffic.contender },
    old: { percent: capacity.incumbent, weight: traffic.incumbent },
  });

  /** All shares on the way to a step, where each patch is carried out and ready at once. */
  function walk(from: Both, to: ReturnType<typeof step>, isBack: boolean): readonly Both[] {
    const seen = [from];
    for (let shares = from; seen.length < 10; seen.push(shares)) {
      const { patches, isStepAchieved } = execute({
        steps: [to],
        targetStep: 0,
        isSteppingBackwards: isBack,
        self: targets('new', shares.new),
        predecessor: targets('old', shares.old),
      });
      if (isStepAchieved) return seen;
      const [patch] = patches;
      const side = patch?.release === 'new' ? 'new' : 'old';
      const changed =
        patch?.kind === 'capacity' ? { percent: patch.percent } : { weight: patch?.weight ?? 0 };
      shares = { ...shares, [side]: { ...shares[side], ...changed } };
    }
    throw new Error('the step was never achieved');
  }

  it('never has fewer pods than the promised ones, nor traffic without pods, forward or back', () => {
    const share = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(share, share, (here, there) => {
        const [from, to] = [step(100 - here, here), step(100 - there, there)];
        const seen = walk(at(from), to, here > there);
        expect(seen.at(-1)).toEqual(at(to));
        for (const both of seen) {
          expect(both.new.percent + both.old.percent).toBeGreaterThanOrEqual(100);
          expect(both.new.weight + both.old.weight).toBeGreaterThanOrEqual(100);
          for (const { weight, percent } of [both.new, both.old]) expect(weight).toBeLessThanOrEqual(percent);
        }
      }),
    );
  });

  it('in the wrong direction does have fewer: the hazard that a retreat must not be taken for a way forward', () => {
    const [staging, half] = [step(100, 1), step(50, 50)];
    const lowest = (isBack: boolean) =>
      Math.min(...walk(at(half), staging, isBack).map((both) => both.new.percent + both.old.percent));
    expect(lowest(false)).toBe(51);
    expect(lowest(true)).toBe(100);
  });
});

describe('the direction', () => {
  it.each([
    [undefined, 0, false],
    // Also when step 1 was commanded in between and never achieved: the hazard.
    [0, 0, false],
    [0, 2, false],
    [1, 0, true],
  ])('from achieved step %s to %i is back: %s', (achieved, target, back) => {
    expect(isSteppingBackwards(achieved, target)).toBe(back);
  });

  const staging = step(100, 1);
  const numbers = (percent: number, weight: number) => [{ percent, weight }];

  it('by the numbers in effect is back where the contender has too much or the incumbent too little', () => {
    expect(isRetreat(staging, numbers(50, 1), numbers(100, 100))).toBe(true);
    expect(isRetreat(staging, numbers(1, 50), numbers(100, 100))).toBe(true);
    expect(isRetreat(staging, numbers(1, 1), numbers(50, 100))).toBe(true);
    expect(isRetreat(staging, numbers(1, 1), [...numbers(100, 100), ...numbers(100, 50)])).toBe(true);
  });

  it('by the numbers in effect is forward on every way forward, also in the middle of a step', () => {
    const half = step(50, 50);
    for (const old of [numbers(100, 100), numbers(100, 50), numbers(50, 50)]) {
      for (const fresh of [numbers(1, 1), numbers(50, 1), numbers(50, 50)]) {
        expect(isRetreat(half, fresh, old)).toBe(false);
      }
    }
  });
});

describe('the order of stages', () => {
  const order = (input: Partial<Parameters<typeof stagesOf>[0]>) =>
    stagesOf({ hasPredecessor: true, successor: undefined, isSteppingBackwards: false, ...input })
      ?.map(({ target, of }) => `${target}(${of})`)
      .join(' ');
  const achieved = { hasAchievedTargetStep: true };

  it.each([
    [
      'forward',
      {},
      'installation(self) capacity(self) traffic(self) traffic(predecessor) capacity(predecessor)',
    ],
    [
      'forward, the first release',
      { hasPredecessor: false },
      'installation(self) capacity(self) traffic(self)',
    ],
    [
      'back',
      { isSteppingBackwards: true },
      'installation(self) capacity(predecessor) traffic(predecessor) traffic(self) capacity(self)',
    ],
    [
      'back, the first release',
      { isSteppingBackwards: true, hasPredecessor: false },
      'installation(self) traffic(self) capacity(self)',
    ],
    ['an old release', { successor: achieved }, 'installation(self) traffic(self) capacity(self)'],
    [
      'an old release, back',
      { successor: achieved, isSteppingBackwards: true },
      'installation(self) capacity(self) traffic(self)',
    ],
    ['an old release while the newer one moves', { successor: { hasAchievedTargetStep: false } }, undefined],
  ])('%s', (_, input, expected) => {
    expect(order(input)).toBe(expected);
  });
});

describe('a strategy condition', () => {
  const type = 'ContenderAchievedTraffic' as const;
  const set = (before: readonly StrategyCondition[], status: StrategyCondition['status']) =>
    setStrategyCondition(before, { type, status, step: 1 }, now);

  it.each([
    ['True', 'True', early],
    ['False', 'False', early],
    ['Unknown', 'Unknown', early],
    ['Unknown', 'True', now],
    ['Unknown', 'False', now],
    ['True', 'False', now],
  ] as const)('from %s to %s has the time %s', (from, to, lastTransitionTime) => {
    const before = [{ type, status: from, step: 0, lastTransitionTime: early }];
    expect(set(before, to)).toEqual([{ type, status: to, step: 1, lastTransitionTime }]);
  });

  it('without a time gets one, and loses the reason it had', () => {
    const before = [{ type, status: 'True' as const, step: 1, reason: 'x', message: 'y' }];
    expect(set(before, 'True')).toEqual([{ type, status: 'True', step: 1, lastTransitionTime: now }]);
  });

  it('has its place by type', () => {
    const before: StrategyCondition[] = [
      { type: 'IncumbentAchievedCapacity', status: 'True', step: 1 },
      { type: 'ContenderAchievedCapacity', status: 'True', step: 1 },
    ];
    expect(set(before, 'True').map((each) => each.type)).toEqual([
      'ContenderAchievedCapacity',
      'ContenderAchievedTraffic',
      'IncumbentAchievedCapacity',
    ]);
  });

  it('is known by its type', () => {
    expect(isStrategyConditionType(type)).toBe(true);
    expect(isStrategyConditionType('toString')).toBe(false);
  });
});

describe('what a release waits for', () => {
  const words = {
    ci: 'ContenderAchievedInstallation',
    cc: 'ContenderAchievedCapacity',
    ct: 'ContenderAchievedTraffic',
    it: 'IncumbentAchievedTraffic',
    ic: 'IncumbentAchievedCapacity',
  } as const;
  const waits = (truths: string, more: object = {}, of = 1) => {
    const conditions = truths
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => ({ type: words[word as keyof typeof words], status: 'True' as const, step: of }));
    const state = strategyState(conditions, {
      step: 1,
      isLastStep: false,
      isHead: true,
      hasIncumbent: true,
      ...more,
    });
    return Object.entries(state)
      .filter(([, status]) => status === 'True')
      .map(([name]) => name)
      .join(' ');
  };

  it.each([
    ['', 'waitingForInstallation'],
    ['ci', 'waitingForCapacity'],
    ['ci cc', 'waitingForTraffic'],
    ['ci cc ct', 'waitingForTraffic'],
    ['ci cc ct it', 'waitingForCapacity'],
    ['ci cc ct it ic', 'waitingForCommand'],
    // On the way back: it waits for the incumbent's traffic, and says capacity.
    ['ci ic', 'waitingForCapacity'],
    // The incumbent lost its traffic after the step was achieved.
    ['ci cc ct ic', 'waitingForCommand'],
  ])('with %j true for the step: %s', (truths, expected) => {
    expect(waits(truths)).toBe(expected);
  });

  it('is nothing at the last step, or when it is not the newest', () => {
    expect(waits('ci cc ct it ic', { isLastStep: true })).toBe('');
    expect(waits('ci cc ct', { isHead: false, hasIncumbent: false })).toBe('');
    expect(waits('ci cc ct', { hasIncumbent: false })).toBe('waitingForCommand');
  });

  it('does not count what was true for another step', () => {
    expect(waits('ci cc ct it ic', {}, 0)).toBe('waitingForInstallation');
  });
});

describe('a strategy that cannot be worked on', () => {
  const last = { stepCount: 3, targetStep: 2 };

  it.each([
    [
      'of the newest release',
      { stepCount: 2, targetStep: 2 },
      undefined,
      'no step 2 in strategy for Release "ns/r"',
    ],
    [
      'of the newer release',
      last,
      { stepCount: 2, targetStep: 2 },
      'no step 2 in strategy for Release "ns/r"',
    ],
    [
      'of an old release, whose step someone set',
      { stepCount: 3, targetStep: 1 },
      last,
      'Release ns/r target step is inconsistent: unexpected value 1 (expected: 2)',
    ],
    [
      'of an old release, whose step there is not',
      { stepCount: 1, targetStep: 2 },
      last,
      'Release ns/r target step is inconsistent: unexpected value 2 (expected: 0)',
    ],
  ])('%s', (_, own, successor, message) => {
    expect(strategyProblem('ns/r', own, successor)?.message).toBe(message);
  });

  it('is none whose steps exist', () => {
    expect(strategyProblem('ns/r', { stepCount: 3, targetStep: 0 }, undefined)).toBeUndefined();
    expect(strategyProblem('ns/r', last, { stepCount: 2, targetStep: 0 })).toBeUndefined();
  });
});
