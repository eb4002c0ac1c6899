import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { startTestWebhook, type TestWebhook } from '../support/gated.ts';
import { looksAt, until } from '../support/look.ts';
import { looksAtRollouts, oneByOne, rolloutOf } from '../support/rollout-looks.ts';
import { federatedDeployment, startWorld, types, type World } from '../support/world.ts';

let world: World;
let webhook: TestWebhook;
const { inMember, edit } = looksAt(() => world);
const { reaches, command, images } = looksAtRollouts(() => world);

beforeAll(async () => {
  [world, webhook] = await Promise.all([
    startWorld({
      parts: 'full',
      nodesPerMember: 3,
      members: [{ name: 'm1' }, { name: 'm2' }],
      running: false,
    }),
    startTestWebhook(),
  ]);
  await world.start({ webhook: webhook.address });
});
afterAll(async () => {
  await world?.down();
  await webhook?.stop();
});

const steps = [
  { name: 'quarter', capacity: { contender: 25 }, pause: { approval: true } },
  { name: 'all', capacity: { contender: 100 } },
];
const template = (image: string, replicas = 4) => ({
  spec: {
    template: { spec: { replicas, template: { spec: { containers: [{ name: 'main', image }] } } } },
  },
});
const four = (image: string) => [image, image, image, image];

async function inBoth(namespace: string): Promise<void> {
  await until(async () => {
    for (const { name } of world.members) expect(await inMember(name, 'Namespace', namespace)).toBeDefined();
  });
}

describe('a FederatedDeployment behind gates', () => {
  it('goes up step by step in one cluster after the other, and back when it is taken back', async () => {
    const namespace = await world.namespace();
    await world.apply(federatedDeployment('web', namespace, { replicas: 4 }));
    await until(async () => {
      expect(await images('m1', namespace, 'web')).toEqual(four('nginx'));
      expect(await images('m2', namespace, 'web')).toEqual(four('nginx'));
    }, 60_000);
    await world.apply(
      rolloutOf('web', namespace, {
        source: { federatedRef: { kind: 'FederatedDeployment', name: 'web' } },
        steps,
        waves: oneByOne,
      }),
    );
    const first = await reaches('web', namespace, 'Idle');

    await edit('FederatedDeployment', 'web', namespace, template('nginx:2'));
    await reaches('web', namespace, 'WaitingForApproval', 60_000);
    expect(await images('m1', namespace, 'web')).toEqual(['nginx', 'nginx', 'nginx', 'nginx:2']);
    expect(await images('m2', namespace, 'web')).toEqual(four('nginx'));

    const bad = (await reaches('web', namespace, 'WaitingForApproval')).revision;
    await command('web', namespace, { abort: bad });
    await reaches('web', namespace, 'Aborted', 60_000);
    await until(async () => expect(await images('m1', namespace, 'web')).toEqual(four('nginx')), 60_000);
    const deployment = await inMember('m1', 'Deployment', 'web', namespace);
    expect(JSON.stringify(deployment?.spec)).not.toContain('nginx:2');

    await command('web', namespace, { abort: null });
    await edit('FederatedDeployment', 'web', namespace, template('nginx:3'));
    const good = await until(async () => {
      const status = await reaches('web', namespace, 'WaitingForApproval', 60_000);
      expect(status.revision).not.toBe(bad);
      return status.revision;
    }, 60_000);
    expect(await images('m1', namespace, 'web')).toEqual(['nginx', 'nginx', 'nginx', 'nginx:3']);
    await command('web', namespace, { promotions: [{ revision: good, at: 'full' }] });
    const done = await reaches('web', namespace, 'Completed', 90_000);
    expect(await images('m1', namespace, 'web')).toEqual(four('nginx:3'));
    expect(await images('m2', namespace, 'web')).toEqual(four('nginx:3'));
    expect(done.stableRevision).not.toBe(first.stableRevision);
    expect(done.history?.map(({ outcome }) => outcome)).toEqual(['Aborted', 'Completed']);
  });
});

describe('a Deployment that others edit', () => {
  it('waits behind its gates in each cluster, and an edit of one cluster holds up no other', async () => {
    const namespace = await world.namespace();
    await inBoth(namespace);
    const apply = (member: string, image: string) => {
      const { spec } = federatedDeployment('app', namespace, { replicas: 4 }) as unknown as {
        spec: { template: { spec: { template: { spec: object } } } };
      };
      const wanted = {
        ...spec.template.spec,
        template: {
          ...spec.template.spec.template,
          spec: { containers: [{ name: 'main', image }] },
        },
      };
      return world.member(member).client.apply(
        types['Deployment'] as ResourceType,
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'app', namespace },
          spec: wanted,
        } as KubeObject,
        { fieldManager: 'gitops', force: true },
      );
    };
    for (const member of ['m1', 'm2']) await apply(member, 'nginx:1');
    await until(async () => expect(await images('m2', namespace, 'app')).toEqual(four('nginx:1')), 60_000);
    await world.apply(
      rolloutOf('app', namespace, {
        source: { workloadRef: { kind: 'Deployment', name: 'app' } },
        placement: { clusterSelector: {} },
        steps,
        waves: oneByOne,
      }),
    );
    await reaches('app', namespace, 'Idle', 60_000);
    // Armed: the strategy holds old pods.
    await until(async () => {
      const { strategy } = ((await inMember('m2', 'Deployment', 'app', namespace))?.spec ?? {}) as {
        strategy?: { rollingUpdate?: { maxUnavailable?: number } };
      };
      expect(strategy?.rollingUpdate?.maxUnavailable).toBe(0);
    });

    await apply('m2', 'nginx:2');
    const waiting = await until(async () => {
      const status = await reaches('app', namespace, 'WaitingForApproval', 60_000);
      expect(await images('m2', namespace, 'app')).not.toContain('nginx:2');
      return status;
    }, 60_000);
    // m1 has nothing to change, and is through at once with each step.
    await command('app', namespace, { promotions: [{ revision: waiting.revision, at: 'full' }] });
    await reaches('app', namespace, 'Completed', 90_000);
    expect(await images('m1', namespace, 'app')).toEqual(four('nginx:1'));
    await until(async () => expect(await images('m2', namespace, 'app')).toEqual(four('nginx:2')), 60_000);

    await apply('m1', 'nginx:2');
    const next = await until(async () => {
      const status = await reaches('app', namespace, 'WaitingForApproval', 60_000);
      expect(status.revision).not.toBe(waiting.revision);
      return status.revision;
    }, 60_000);
    await command('app', namespace, { promotions: [{ revision: next, at: 'full' }] });
    await reaches('app', namespace, 'Completed', 90_000);
    await until(async () => expect(await images('m1', namespace, 'app')).toEqual(four('nginx:2')), 60_000);

    await world.remove('Rollout', 'app', namespace);
    await until(async () => expect(await world.get('Rollout', 'app', namespace)).toBeUndefined());
    await apply('m1', 'nginx:3');
    await until(async () => expect(await images('m1', namespace, 'app')).toEqual(four('nginx:3')), 60_000);
  });
});

describe('plain manifests side by side', () => {
  it('go through the steps in each cluster, and leave one workload behind', async () => {
    const namespace = await world.namespace();
    await inBoth(namespace);
    const manifests = (image: string) => [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'shop' },
        spec: {
          replicas: 4,
          selector: { matchLabels: { app: 'shop' } },
          template: {
            metadata: { labels: { app: 'shop' } },
            spec: { containers: [{ name: 'main', image }] },
          },
        },
      },
    ];
    const apply = (image: string) =>
      world.apply(
        rolloutOf('shop', namespace, {
          source: { manifests: manifests(image) },
          placement: { clusterSelector: {} },
          steps,
          waves: oneByOne,
        }),
      );
    await apply('nginx:1');
    const first = await reaches('shop', namespace, 'WaitingForApproval', 60_000);
    await command('shop', namespace, { promotions: [{ revision: first.revision, at: 'full' }] });
    await reaches('shop', namespace, 'Completed', 90_000);
    expect(await images('m2', namespace, 'shop')).toEqual(four('nginx:1'));

    await apply('nginx:2');
    const second = await until(async () => {
      const status = await reaches('shop', namespace, 'WaitingForApproval', 60_000);
      expect(status.revision).not.toBe(first.revision);
      return status;
    }, 60_000);
    expect(await images('m1', namespace, 'shop')).toEqual(['nginx:1', 'nginx:1', 'nginx:1', 'nginx:2']);
    // Another edit in the middle: the old revision is whole before the newest starts.
    await apply('nginx:3');
    const third = await until(async () => {
      const status = await reaches('shop', namespace, 'WaitingForApproval', 60_000);
      expect(status.revision).not.toBe(second.revision);
      return status;
    }, 60_000);
    expect(await images('m1', namespace, 'shop')).toEqual(['nginx:1', 'nginx:1', 'nginx:1', 'nginx:3']);
    await command('shop', namespace, { promotions: [{ revision: third.revision, at: 'full' }] });
    await reaches('shop', namespace, 'Completed', 90_000);
    await until(async () => {
      for (const member of ['m1', 'm2']) {
        expect(await images(member, namespace, 'shop')).toEqual(four('nginx:3'));
      }
    }, 60_000);
  });
});
