import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../src/kube/index.ts';
import {
  eventually,
  type Life,
  type LifeOptions,
  memberTypes,
  servingAddresses,
  serviceRouter,
  startLife,
  startTestWebhook,
  type TestWebhook,
  watchCeiling,
  watchFloor,
} from '../support/gated.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let webhook: TestWebhook;
let client: ApiClient;

beforeAll(async () => {
  [world, webhook] = await Promise.all([
    startWorld({
      parts: 'full',
      hostParts: 'api',
      members: [{ name: 'm1' }],
      nodesPerMember: 5,
      running: false,
    }),
    startTestWebhook(),
  ]);
  client = world.member('m1').client;
});
afterAll(async () => {
  await webhook?.stop();
  await world?.down();
});

const life = (options: Omit<LifeOptions, 'client' | 'webhook'> = {}) =>
  startLife({ client, webhook, ...options });

const strategyOf = async (its: Life) => {
  const { spec } = (await its.workload()) as unknown as {
    spec: { strategy?: unknown; updateStrategy?: unknown; progressDeadlineSeconds?: number };
  };
  return { strategy: spec.strategy ?? spec.updateStrategy, deadline: spec.progressDeadlineSeconds };
};

const entries = async (): Promise<readonly string[]> => {
  try {
    const found = await client.get(memberTypes.Webhooks, { name: 'hansa-rollouts' });
    return ((found['webhooks'] ?? []) as readonly { name: string }[]).map(({ name }) => name);
  } catch {
    return [];
  }
};

describe('a plain Deployment that somebody edits while a Gated rollout stands by', () => {
  it('goes to 10, 50 and 100 percent, stops exactly there, and is never short of a pod', async () => {
    const its = await life();
    const floor = watchFloor(its.readyPods, 10);
    const ceiling = watchCeiling(its.runningNow('web:2'), 0);
    await its.edit('web:2');
    await its.hold(2_000);
    expect((await its.count('web:2')).ready).toBe(0);
    expect((await its.count('web:1')).ready).toBe(10);

    ceiling.change(1);
    await its.go(10);
    await its.hold(2_000);
    expect((await its.count('web:2')).ready).toBe(1);
    expect((await its.count('web:1')).ready).toBe(9);

    ceiling.change(5);
    await its.go(50);
    await its.hold(2_000);
    expect((await its.count('web:2')).ready).toBe(5);
    expect((await its.count('web:1')).ready).toBe(5);
    await ceiling.end();

    await its.go(100);
    await its.finish();
    await its.hold(1_000);
    expect(await its.count('web:2')).toEqual({ all: 10, gated: 0, ready: 10 });
    expect((await its.count('web:1')).all).toBe(0);
    expect(await floor.end()).toBeGreaterThanOrEqual(10);

    await its.edit('web:3');
    await its.hold(1_500);
    expect((await its.count('web:3')).ready).toBe(0);
  });

  it('makes lost pods again: old ones at once, new ones up to the share, during a pause too', async () => {
    const its = await life({ replicas: 6 });
    await its.edit('web:2');
    await its.go(50);
    for (const pod of await its.pods()) {
      await client.remove(memberTypes.Pod, { namespace: its.namespace, name: pod.metadata.name });
    }
    await its.hold(4_000);
    expect((await its.count('web:2')).ready).toBe(3);
    expect((await its.count('web:1')).ready).toBe(3);
  });

  it('keeps the share while an autoscaler changes the replicas', async () => {
    const its = await life({ replicas: 10, spec: { strategy: { rollingUpdate: { maxSurge: 1 } } } });
    await its.edit('web:2');
    await its.go(10);
    await its.patch({ replicas: 40 });
    // Four new ones, and the rest old: also those that Kubernetes put behind gates.
    await eventually(async () => {
      await its.turn('hold');
      expect((await its.count('web:2')).ready).toBe(4);
      expect((await its.count('web:1')).ready).toBe(36);
    });
    // Shrunk in the middle of a rolling update, Kubernetes itself takes a pod or two too many, since it counts by the
    // ReplicaSets' last status; left alone it stays so. Here they are given back.
    await its.patch({ replicas: 10 });
    await eventually(async () => {
      await its.turn('hold');
      expect((await its.count('web:2')).ready).toBe(1);
      expect((await its.count('web:1')).ready).toBe(9);
    });
    const floor = watchFloor(its.readyPods, 10);
    await its.hold(2_000);
    await floor.end();
  });

  it('goes back to a lower share, and on again, without a gap', async () => {
    const its = await life();
    await its.edit('web:2');
    const floor = watchFloor(its.readyPods, 10);
    await its.go(50);
    await its.go(10);
    await its.hold(1_500);
    expect((await its.count('web:2')).ready).toBe(1);
    expect((await its.count('web:1')).ready).toBe(9);
    await its.go(100);
    expect((await its.count('web:2')).ready).toBe(10);
    await floor.end();
  });

  it('is taken back whole, without a gap, and the same edit is held again when it comes again', async () => {
    const its = await life();
    await its.edit('web:2');
    const floor = watchFloor(its.readyPods, 10);
    await its.go(50);
    await its.revert();
    await eventually(async () => {
      await its.turn('hold');
      expect(await its.count('web:1')).toEqual({ all: 10, gated: 0, ready: 10 });
      expect((await its.count('web:2')).all).toBe(0);
    });
    const { spec } = (await its.workload()) as unknown as {
      spec: { template: { spec: { containers: { image: string }[] } } };
    };
    expect(spec.template.spec.containers[0]?.image).toBe('web:1');
    await its.edit('web:2');
    await its.hold(2_000);
    expect((await its.count('web:2')).ready).toBe(0);
    await floor.end();
  });

  it('that is edited again in the middle holds the newest, and gives back what the one between had', async () => {
    const its = await life();
    await its.edit('web:2');
    const floor = watchFloor(its.readyPods, 10);
    await its.go(30);
    await its.edit('web:3');
    await its.go(10);
    await its.hold(1_500);
    expect((await its.count('web:3')).ready).toBe(1);
    expect((await its.count('web:2')).ready).toBe(0);
    expect((await its.count('web:1')).ready).toBe(9);
    await its.go(100);
    expect((await its.count('web:3')).ready).toBe(10);
    await floor.end();
  });

  it('is again as it was when the rollout goes', async () => {
    const its = await life({
      replicas: 4,
      spec: {
        strategy: { rollingUpdate: { maxUnavailable: '30%', maxSurge: 2 } },
        progressDeadlineSeconds: 77,
      },
    });
    expect(await strategyOf(its)).toEqual({
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 2 } },
      deadline: 2_147_483_647,
    });
    await its.edit('web:2');
    await its.go(25);
    await its.mode().leave(its.call());
    expect(await strategyOf(its)).toEqual({
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '30%', maxSurge: 2 } },
      deadline: 77,
    });
    expect((await entries()).filter((name) => name.includes(its.namespace))).toEqual([]);
    await expect(
      client.get(memberTypes.ConfigMap, { namespace: its.namespace, name: 'hansa-rollout-web-rollout' }),
    ).rejects.toThrow(/not found/);
    await eventually(async () => {
      expect(await its.count('web:2')).toEqual({ all: 4, gated: 0, ready: 4 });
    });
  });
});

describe('a Gated rollout whose webhook does not answer', () => {
  it('holds: old pods are made again, new ones are refused, and it goes on by itself afterwards', async () => {
    const its = await life({ replicas: 4 });
    await its.edit('web:2');
    await its.go(50);
    await webhook.stop();
    try {
      for (const pod of await its.pods()) {
        await client.remove(memberTypes.Pod, { namespace: its.namespace, name: pod.metadata.name });
      }
      await its.hold(3_000);
      expect((await its.count('web:2')).all).toBe(0);
      // What the new ones can't be, the old ones are meanwhile.
      expect((await its.count('web:1')).ready).toBe(4);
    } finally {
      await webhook.start();
    }
    await eventually(async () => {
      await its.turn('hold');
      expect((await its.count('web:2')).ready).toBe(2);
      expect((await its.count('web:1')).ready).toBe(2);
    }, 40_000);
    await its.go(100);
  });

  it('proceeds, if that was wished: new pods run at once, and can still be taken back', async () => {
    const its = await life({ replicas: 4, whenWebhookDown: 'Proceed' });
    const floor = watchFloor(its.readyPods, 4);
    await webhook.stop();
    try {
      await its.edit('web:2');
      await eventually(async () => expect((await its.count('web:2')).ready).toBe(4));
    } finally {
      await webhook.start();
    }
    await its.turn('hold');
    await its.revert();
    await eventually(async () => expect(await its.count('web:1')).toEqual({ all: 4, gated: 0, ready: 4 }));
    await floor.end();
  });
});

describe('a Gated rollout with steps of traffic', () => {
  it('keeps running pods without traffic beside the old ones, until it is given, forward and back', async () => {
    const its = await life({ replicas: 6, isSteered: true, router: serviceRouter(client) });
    await client.create(memberTypes.Service, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: its.name, namespace: its.namespace },
      spec: { selector: { app: its.name }, ports: [{ port: 80 }] },
    });
    await eventually(async () => expect(await servingAddresses(its)).toBe(6));
    const floor = watchFloor(() => servingAddresses(its), 6);
    await its.edit('web:2');
    // Half of the pods run, and none of them serves yet: so no old one is gone.
    await its.step({ contender: 50, incumbent: 100 }, { contender: 0, incumbent: 100 });
    await its.hold(1_500);
    expect((await its.count('web:1')).ready).toBe(6);
    expect(await its.withTraffic('web:2')).toBe(0);
    expect(await its.running('web:2')).toBe(3);

    await its.go(50, 50);
    await its.hold(1_000);
    expect(await its.withTraffic('web:2')).toBe(3);
    expect((await its.count('web:1')).ready).toBe(3);

    await its.go(50, 20);
    await its.hold(1_500);
    expect(await its.withTraffic('web:2')).toBe(2);
    expect((await its.count('web:1')).ready).toBe(4);

    await its.go(100, 100);
    await its.finish();
    await its.hold(500);
    expect((await its.count('web:2')).ready).toBe(6);
    expect((await its.count('web:1')).all).toBe(0);
    await floor.end();
  });
});

describe('a DaemonSet', () => {
  it('goes node by node, stops at the share, and goes back whole', async () => {
    const its = await life({ kind: 'DaemonSet', replicas: 5 });
    const floor = watchFloor(its.readyPods, 5);
    await its.edit('web:2');
    await its.hold(1_500);
    expect((await its.count('web:2')).ready).toBe(0);
    await its.go(40);
    await its.hold(1_500);
    expect((await its.count('web:2')).ready).toBe(2);
    expect((await its.count('web:1')).ready).toBe(3);
    await its.revert();
    await eventually(async () => {
      await its.turn('hold');
      expect(await its.count('web:1')).toEqual({ all: 5, gated: 0, ready: 5 });
    });
    await its.edit('web:2');
    await its.go(100);
    await its.finish();
    expect(await its.count('web:2')).toEqual({ all: 5, gated: 0, ready: 5 });
    await floor.end();
    await its.mode().leave(its.call());
    expect((await strategyOf(its)).strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    });
  });
});

describe('workloads that can not be held back', () => {
  it('are refused with a sentence', async () => {
    await expect(life({ replicas: 1, spec: { strategy: { type: 'Recreate' } } })).rejects.toThrow(
      /strategy Recreate removes every old pod/,
    );
  });
});
