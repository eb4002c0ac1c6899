import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideTending,
  type GatedSeen,
  type PodSeen,
  type SetSeen,
  type TendingInput,
} from '../../../../src/rollout/plan/gated/index.ts';

const nowMs = 1_000_000;

function pod(hash: string, number: number, changes: Partial<PodSeen> = {}): PodSeen {
  return {
    name: `${hash}-${String(number).padStart(3, '0')}`,
    uid: `${hash}-${number}`,
    hash,
    gateIndex: undefined,
    wasHeld: hash !== 'old',
    isUp: true,
    isReady: true,
    isAdmitted: undefined,
    isLeaving: false,
    leavingSinceMs: 0,
    hasTraffic: false,
    node: undefined,
    createdAt: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

const gated = { gateIndex: 0, isUp: false, isReady: false } as const;

function pods(hash: string, count: number, changes: Partial<PodSeen> = {}): PodSeen[] {
  const tag = JSON.stringify(changes).length;
  return Array.from({ length: count }, (_, index) => pod(hash, index + 1000 * tag, changes));
}

function set(hash: string, replicas: number, changes: Partial<SetSeen> = {}): SetSeen {
  return {
    name: `web-${hash}`,
    hash,
    replicas,
    available: 0,
    createdAt: '2026-01-01T00:00:00Z',
    refusal: undefined,
    ...changes,
  };
}

function input(seen: Partial<GatedSeen>, changes: Partial<Omit<TendingInput, 'seen'>> = {}): TendingInput {
  return {
    seen: {
      kind: 'Deployment',
      total: 10,
      isSettled: true,
      newest: 'new',
      sets: [],
      pods: [],
      maxSurge: 3,
      ...seen,
    },
    stable: 'old',
    share: 0,
    trafficShare: undefined,
    takesStraysBack: true,
    nowMs,
    ...changes,
  };
}

const told = (asked: TendingInput) =>
  decideTending(asked).map((step) =>
    step.kind === 'scale'
      ? `scale ${step.set.hash} ${step.to}`
      : `${step.kind} ${'pod' in step ? step.pod.hash : ''}`,
  );

describe('pods behind the gate', () => {
  const seen = {
    pods: [...pods('old', 10), ...pods('new', 3, gated)],
    sets: [set('old', 10), set('new', 3)],
  };

  it('stay there while nothing was ordered', () => {
    expect(told(input(seen))).toEqual([]);
  });

  it('are let go up to the share, rounded up to whole pods', () => {
    expect(told(input(seen, { share: 11 }))).toEqual(['lift new', 'lift new']);
  });

  it('are let go always if they are of the stable revision', () => {
    expect(told(input({ ...seen, newest: 'old' }, { stable: 'new' }))).toContain('lift new');
  });
});

describe('pods over the share', () => {
  it('that serve are taken out as many at once as Kubernetes may make beyond the total', () => {
    const steps = told(
      input(
        { pods: [...pods('old', 5), ...pods('new', 5)], sets: [set('old', 5), set('new', 8)] },
        { share: 10 },
      ),
    );
    expect(steps).toEqual(['detach new', 'detach new', 'detach new', 'scale old 8']);
  });

  it('that serve nobody are removed at once', () => {
    const broken = { isReady: false, isUp: false };
    expect(
      told(
        input(
          { pods: [...pods('old', 10), ...pods('new', 2, broken)], sets: [set('old', 10)] },
          { share: 0 },
        ),
      ),
    ).toEqual(['remove new', 'remove new']);
  });

  it('that started past the webhook stay where that was wished', () => {
    const strays = pods('new', 4, { wasHeld: false });
    const seen = { pods: [...pods('old', 6), ...strays], sets: [set('old', 6), set('new', 4)] };
    expect(told(input(seen, { takesStraysBack: false }))).toEqual([]);
    expect(told(input(seen))).toContain('detach new');
  });
});

describe('pods that were taken out', () => {
  const out = { isLeaving: true, hash: 'new-leaving', leavingSinceMs: nowMs - 5_000 } as const;
  const whole = { pods: [...pods('old', 9), ...pods('new', 1), ...pods('new', 3, out)] };

  it('stay until as many others serve', () => {
    const short = { pods: [...pods('old', 6), ...pods('new', 1), ...pods('new', 3, out)] };
    expect(told(input({ ...short, sets: [set('old', 9), set('new', 4)] }, { share: 10 }))).toEqual([]);
  });

  it('go once they are replaced', () => {
    const sets = [set('old', 9), set('new', 4, { available: 1 })];
    expect(told(input({ ...whole, sets }, { share: 10 }))).toEqual(Array(3).fill('remove new-leaving'));
  });

  it('stay while Kubernetes still counts them, and may remove an old pod for them', () => {
    const sets = [set('old', 9), set('new', 4, { available: 4 })];
    expect(told(input({ ...whole, sets }, { share: 10 }))).toEqual([]);
    const young = [
      ...pods('old', 9),
      ...pods('new', 1),
      ...pods('new', 3, { ...out, leavingSinceMs: nowMs - 10 }),
    ];
    expect(
      told(input({ pods: young, sets: [set('old', 9), set('new', 4, { available: 1 })] }, { share: 10 })),
    ).toEqual([]);
  });
});

describe('a revision between', () => {
  it('is taken out first and scaled down after, and the stable one comes back', () => {
    const sets = [set('old', 7), set('mid', 5), set('new', 3)];
    const first = input({ pods: [...pods('old', 7), ...pods('mid', 3), ...pods('mid', 2, gated)], sets });
    expect(told(first)).toEqual(['detach mid', 'detach mid', 'detach mid']);
    const out = pods('mid', 3, { isLeaving: true, hash: 'mid-leaving' });
    const second = input({ pods: [...pods('old', 7), ...out, ...pods('mid', 5, gated)], sets });
    expect(told(second)).toEqual(['scale mid 0']);
    const third = input({
      pods: [...pods('old', 7), ...out],
      sets: [set('old', 7), set('mid', 0), set('new', 3)],
    });
    expect(told(third)).toEqual(['scale old 10']);
  });
});

describe('the stable ReplicaSet', () => {
  it('is topped up where Kubernetes gave new replicas to pods that wait', () => {
    const sets = [set('old', 33), set('new', 8)];
    const seen = { total: 40, sets, pods: [...pods('old', 33), ...pods('new', 4), ...pods('new', 4, gated)] };
    expect(told(input(seen, { share: 10 }))).toEqual(['scale old 36']);
    expect(told(input({ ...seen, isSettled: false }, { share: 10 }))).toEqual([]);
  });
});

describe('steered traffic', () => {
  const waiting = { isReady: false, isAdmitted: false } as const;

  it('is given to new pods that are up, as far as its share goes, and to every stable pod', () => {
    const seen = {
      pods: [...pods('old', 10, { hasTraffic: true }), ...pods('new', 5, waiting)],
      sets: [set('old', 10), set('new', 10)],
    };
    expect(told(input(seen, { share: 50, trafficShare: 20 }))).toEqual(['serve new', 'serve new']);
    const unlabelled = { ...seen, pods: [...pods('old', 10), ...pods('new', 5, waiting)] };
    expect(told(input(unlabelled, { share: 50, trafficShare: 0 }))).toEqual(Array(10).fill('serve old'));
  });

  it('is not taken from a pod that serves: that one is replaced', () => {
    const serving = { hasTraffic: true, isAdmitted: true } as const;
    const seen = {
      pods: [...pods('old', 5, { hasTraffic: true }), ...pods('new', 5, serving)],
      sets: [set('old', 5), set('new', 10)],
    };
    expect(told(input(seen, { share: 50, trafficShare: 40 }))).toEqual(['detach new', 'scale old 6']);
  });
});

describe('a DaemonSet', () => {
  it('gets a pod on a node that has none, past the share', () => {
    const seen: Partial<GatedSeen> = {
      kind: 'DaemonSet',
      total: 3,
      pods: [
        pod('old', 1, { node: 'a' }),
        pod('new', 1, { ...gated, node: 'a' }),
        pod('new', 2, { ...gated, node: 'b' }),
      ],
    };
    const steps = decideTending(input(seen));
    expect(steps.map((step) => ('pod' in step ? step.pod.node : ''))).toEqual(['b']);
  });
});

describe('whatever is there', () => {
  const anyPod = fc.record({
    hash: fc.constantFrom('old', 'mid', 'new', 'new-leaving'),
    isGated: fc.boolean(),
    isReady: fc.boolean(),
    wasHeld: fc.boolean(),
  });

  it('no gate is lifted past the share, and no ready pod is removed that is needed', () => {
    fc.assert(
      fc.property(
        fc.array(anyPod, { maxLength: 40 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (kinds, total, share, maxSurge) => {
          const all = kinds.map(({ hash, isGated, isReady, wasHeld }, index) =>
            pod(hash, index, {
              isLeaving: hash === 'new-leaving',
              wasHeld,
              ...(isGated && hash !== 'new-leaving' ? gated : { isReady, isUp: isReady }),
            }),
          );
          const count = (hash: string) => all.filter((each) => each.hash === hash).length;
          const sets = ['old', 'mid', 'new'].map((hash) => set(hash, count(hash), { available: 0 }));
          const steps = decideTending(input({ pods: all, total, maxSurge, sets }, { share }));
          const running = all.filter(
            ({ hash, gateIndex }) => hash === 'new' && gateIndex === undefined,
          ).length;
          const lifted = steps.filter((step) => step.kind === 'lift' && step.pod.hash === 'new').length;
          expect(lifted === 0 || running + lifted <= Math.ceil((total * share) / 100)).toBe(true);
          const ready = all.filter(({ isReady }) => isReady).length;
          const gone = steps.filter((step) => step.kind === 'remove' && step.pod.isReady).length;
          expect(ready - gone).toBeGreaterThanOrEqual(Math.min(ready, total));
        },
      ),
    );
  });
});
