import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { shipperTypes } from '../../src/rollout/shipper/records.ts';
import { until } from '../support/look.ts';
import {
  allIn,
  type AppWishes,
  conditionOf,
  type Release,
  type ShipperWorld,
  startShipperWorld,
  step,
  vanguard,
} from '../support/shipper-world.ts';
import { watchTraffic } from '../support/traffic-watch.ts';
import { types } from '../support/world.ts';

let shipper: ShipperWorld;
const members = ['m1', 'm2'];

beforeAll(async () => {
  shipper = await startShipperWorld();
});
afterAll(() => shipper?.down());

async function expectPods(namespace: string, release: string, count: number): Promise<void> {
  for (const member of members) {
    await until(async () =>
      expect(await shipper.readyPods(member, namespace, release), `${release} in ${member}`).toBe(count),
    );
  }
}

/** Ready pods of a Release by member, at this moment. */
function podCounts(namespace: string, release: string): Promise<readonly number[]> {
  return Promise.all(members.map((member) => shipper.readyPods(member, namespace, release)));
}

async function expectEndpoints(namespace: string, count: number): Promise<void> {
  for (const member of members) {
    await until(async () => expect(await shipper.endpoints(member, namespace)).toHaveLength(count));
  }
}

/** An Application whose first Release is complete. */
async function complete(namespace: string, name: string, wishes: AppWishes = {}): Promise<Release> {
  await shipper.createApplication(namespace, name, wishes);
  const { metadata, spec } = await shipper.head(namespace, name);
  const last = (spec.environment['strategy'] as { steps: readonly unknown[] }).steps.length - 1;
  if (last > 0) await shipper.command(namespace, metadata.name, last);
  return shipper.complete(namespace, metadata.name);
}

/** The next Release, made by an edit of the image. */
async function next(namespace: string, name: string, before: Release, tag = '1.28'): Promise<Release> {
  await shipper.edit(namespace, name, { values: { image: { tag } } });
  return shipper.head(namespace, name, before.metadata.name);
}

describe('a new Application', () => {
  it('goes all in', async () => {
    const namespace = await shipper.namespace();
    const { metadata } = await complete(namespace, 'app', { steps: allIn });
    expect(metadata.name).toMatch(/^app-[0-9a-f]{1,8}-0$/);
    await expectPods(namespace, metadata.name, 3);
    await expectEndpoints(namespace, 3);
    const application = await shipper.application(namespace, 'app');
    expect(application?.status?.history).toEqual([metadata.name]);
    await until(async () => {
      const seen = await shipper.application(namespace, 'app');
      expect(conditionOf(seen?.status?.conditions, 'RollingOut')).toMatchObject({ status: 'False' });
    });
  });

  it.each([
    { replicas: 3, counts: [1, 2, 3] },
    { replicas: 1, counts: [1, 1, 1] },
  ])('of $replicas goes through the steps of a vanguard: $counts pods', async ({ replicas, counts }) => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', { replicas });
    const { metadata } = await shipper.head(namespace, 'app');
    for (const [index, count] of counts.entries()) {
      if (index > 0) await shipper.command(namespace, metadata.name, index);
      const { status } = await shipper.achieved(namespace, metadata.name, index);
      await expectPods(namespace, metadata.name, count);
      const isLast = index === counts.length - 1;
      await until(async () => {
        const release = await shipper.release(namespace, metadata.name);
        expect(release?.status?.strategy?.state).toMatchObject({
          waitingForCommand: isLast ? 'False' : 'True',
        });
      });
      expect(status?.achievedStep?.name).toBe(vanguard[index]?.name);
    }
    await shipper.complete(namespace, metadata.name);
  });

  it('goes back in its steps when it is told to', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', { replicas: 3 });
    const { metadata } = await shipper.head(namespace, 'app');
    await shipper.achieved(namespace, metadata.name, 0);
    await shipper.command(namespace, metadata.name, 1);
    await shipper.achieved(namespace, metadata.name, 1);
    await expectPods(namespace, metadata.name, 2);
    await shipper.command(namespace, metadata.name, 0);
    await shipper.achieved(namespace, metadata.name, 0);
    await expectPods(namespace, metadata.name, 1);
    expect(await podCounts(namespace, metadata.name)).toEqual([1, 1]);
  });

  it('is made again under the same name when its only Release is deleted', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', { replicas: 2 });
    const first = await shipper.head(namespace, 'app');
    await shipper.command(namespace, first.metadata.name, 1);
    await shipper.achieved(namespace, first.metadata.name, 1);
    await shipper.host.remove(shipperTypes.release, first.metadata);
    await until(async () => {
      const again = await shipper.release(namespace, first.metadata.name);
      expect(again?.metadata.uid).toBeDefined();
      expect(again?.metadata.uid).not.toBe(first.metadata.uid);
    });
    const again = await shipper.achieved(namespace, first.metadata.name, 0);
    expect(again.metadata.name).toBe(first.metadata.name);
    await expectPods(namespace, first.metadata.name, 1);
  });
});

describe('the Application that guides teach', () => {
  it('works unchanged, but for the address of the repository', async () => {
    const namespace = await shipper.namespace();
    const text = await readFile('examples/shipper/01-super-server.yaml', 'utf8');
    const application = parse(
      text.replace(/repoUrl: .*/, `repoUrl: ${shipper.repository.url}`),
    ) as KubeObject;
    await shipper.host.create(shipperTypes.application, {
      ...application,
      metadata: { ...application.metadata, namespace },
    });
    const { metadata } = await shipper.head(namespace, 'super-server');
    const staged = await shipper.achieved(namespace, metadata.name, 0);
    const clusters = staged.metadata.annotations?.['shipper.booking.com/release.clusters'] ?? '';
    expect(members).toContain(clusters);
    await until(async () => {
      expect(await shipper.readyPods(clusters, namespace, metadata.name)).toBe(1);
      expect(await shipper.endpoints(clusters, namespace)).toEqual([]);
    });
    await shipper.command(namespace, metadata.name, 1);
    await shipper.complete(namespace, metadata.name);
    expect(await shipper.readyPods(clusters, namespace, metadata.name)).toBe(3);
    await until(async () => expect(await shipper.endpoints(clusters, namespace)).toHaveLength(3));
  });
});

describe('a rollout', () => {
  it('all in takes the place of the one before', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4, steps: allIn });
    await using traffic = guarded(namespace, 'app', 4);
    const second = await next(namespace, 'app', first);
    await shipper.complete(namespace, second.metadata.name);
    await expectPods(namespace, second.metadata.name, 4);
    await expectPods(namespace, first.metadata.name, 0);
    await expectEndpoints(namespace, 4);
    await traffic.check();
    const application = await shipper.application(namespace, 'app');
    expect(application?.status?.history).toEqual([first.metadata.name, second.metadata.name]);
  });

  it.each([
    {
      replicas: 4,
      counts: [
        [1, 4],
        [2, 2],
        [4, 0],
      ],
    },
    {
      replicas: 1,
      counts: [
        [1, 1],
        [1, 1],
        [1, 0],
      ],
    },
  ])('of $replicas goes through the steps: $counts', async ({ replicas, counts }) => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas });
    await using traffic = guarded(namespace, 'app', replicas);
    const second = await next(namespace, 'app', first);
    for (const [index, [contender = 0, incumbent = 0]] of counts.entries()) {
      if (index > 0) await shipper.command(namespace, second.metadata.name, index);
      await shipper.achieved(namespace, second.metadata.name, index);
      await expectPods(namespace, second.metadata.name, contender);
      await expectPods(namespace, first.metadata.name, incumbent);
    }
    await shipper.complete(namespace, second.metadata.name);
    await traffic.check();
    expect(await podCounts(namespace, second.metadata.name)).toEqual([replicas, replicas]);
  });

  it('goes back in its steps, and never has less traffic than before', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    await using traffic = guarded(namespace, 'app', 4);
    const second = await next(namespace, 'app', first);
    for (const [index, contender, incumbent] of [
      [0, 1, 4],
      [1, 2, 2],
      [0, 1, 4],
    ] as const) {
      await shipper.command(namespace, second.metadata.name, index);
      await shipper.achieved(namespace, second.metadata.name, index);
      await expectPods(namespace, second.metadata.name, contender);
      await expectPods(namespace, first.metadata.name, incumbent);
    }
    await traffic.check();
    expect(await podCounts(namespace, first.metadata.name)).toEqual([4, 4]);
  });

  it('retreats from a step that it had not finished, the old release first', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    await using traffic = guarded(namespace, 'app', 4);
    const second = await next(namespace, 'app', first);
    await shipper.achieved(namespace, second.metadata.name, 0);
    await shipper.command(namespace, second.metadata.name, 2);
    // The old one is already being reduced.
    await until(async () => {
      const target = await shipper.host.get(shipperTypes.capacity, first.metadata);
      const { clusters } = target['spec'] as { clusters: readonly { percent: number }[] };
      expect(clusters[0]?.percent).toBe(0);
    });
    await shipper.command(namespace, second.metadata.name, 0);
    await expectPods(namespace, first.metadata.name, 4);
    await shipper.achieved(namespace, second.metadata.name, 0);
    await expectPods(namespace, second.metadata.name, 1);
    const seen = await traffic.seen();
    // Between the command and the retreat the new one serves alone with all its four pods.
    expect(seen).toEqual([]);
  });

  it('is aborted by deleting its Release: the old one is whole again before the new one goes', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    await using traffic = guarded(namespace, 'app', 4);
    const second = await next(namespace, 'app', first);
    await shipper.command(namespace, second.metadata.name, 1);
    await shipper.achieved(namespace, second.metadata.name, 1);
    await expectPods(namespace, first.metadata.name, 2);
    await shipper.host.remove(shipperTypes.release, second.metadata);
    await until(async () => {
      expect(await shipper.release(namespace, second.metadata.name)).toBeUndefined();
    });
    await expectPods(namespace, first.metadata.name, 4);
    await expectPods(namespace, second.metadata.name, 0);
    await traffic.check();
    const application = await shipper.application(namespace, 'app');
    const template = application?.spec['template'] as { values: { image?: unknown } };
    expect(template.values.image).toBeUndefined();
    for (const member of members) {
      const { client } = shipper.world.member(member);
      const service = await client.get(types['Service'] as ResourceType, { namespace, name: 'nginx' });
      expect(service.metadata.labels?.['shipper-owned-by']).toBe(first.metadata.name);
    }
    expect(conditionOf(application?.status?.conditions, 'RollingOut')?.status).toBe('False');
    expect(await podCounts(namespace, first.metadata.name)).toEqual([4, 4]);
  });

  it('that is edited half-way puts the old release back before the half-rolled one goes', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    await using traffic = guarded(namespace, 'app', 4);
    const second = await next(namespace, 'app', first);
    await shipper.command(namespace, second.metadata.name, 1);
    await shipper.achieved(namespace, second.metadata.name, 1);
    const third = await next(namespace, 'app', second, '1.29');
    await shipper.achieved(namespace, third.metadata.name, 0);
    await until(async () => {
      expect(await shipper.release(namespace, second.metadata.name)).toBeUndefined();
    });
    await expectPods(namespace, first.metadata.name, 4);
    await expectPods(namespace, third.metadata.name, 1);
    await shipper.command(namespace, third.metadata.name, 2);
    await shipper.complete(namespace, third.metadata.name);
    await traffic.check();
  });

  it('with straight full on sends traffic to all new pods, though the old release has none', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 0 });
    await shipper.edit(namespace, 'app', { values: { replicaCount: 2 } });
    const second = await shipper.head(namespace, 'app', first.metadata.name);
    await shipper.command(namespace, second.metadata.name, 2);
    await shipper.complete(namespace, second.metadata.name);
    await expectEndpoints(namespace, 2);
    expect(await podCounts(namespace, second.metadata.name)).toEqual([2, 2]);
  });

  it('keeps as many old Releases as the limit says', async () => {
    const namespace = await shipper.namespace();
    let newest = await complete(namespace, 'app', { replicas: 1, steps: allIn, limit: 1 });
    const names = [newest.metadata.name];
    for (const tag of ['a', 'b', 'c']) {
      newest = await next(namespace, 'app', newest, tag);
      await shipper.complete(namespace, newest.metadata.name);
      names.push(newest.metadata.name);
    }
    await until(async () => {
      const left = (await shipper.releases(namespace)).map(({ metadata }) => metadata.name);
      expect(left.toSorted()).toEqual(names.slice(-2).toSorted());
    });
    for (const member of members) {
      await until(async () => {
        const { client } = shipper.world.member(member);
        await expect(
          client.get(types['Deployment'] as ResourceType, { namespace, name: `${names[0]}-nginx` }),
        ).rejects.toMatchObject({ reason: 'NotFound' });
      });
    }
  });

  it('back to an old template has its own name', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 1, steps: allIn });
    const second = await next(namespace, 'app', first);
    await shipper.complete(namespace, second.metadata.name);
    await shipper.edit(namespace, 'app', { values: { image: null } });
    const third = await shipper.head(namespace, 'app', second.metadata.name);
    expect(third.metadata.name).toBe(first.metadata.name.replace(/-0$/, '-1'));
    await shipper.complete(namespace, third.metadata.name);
    await expectPods(namespace, third.metadata.name, 1);
  });
});

describe('what is there', () => {
  it('is put back when somebody deletes Deployments', async () => {
    const namespace = await shipper.namespace();
    const { metadata } = await complete(namespace, 'app', { replicas: 2, steps: allIn });
    for (const member of members) {
      await shipper.world
        .member(member)
        .client.remove(types['Deployment'] as ResourceType, { namespace, name: `${metadata.name}-nginx` });
    }
    await sleep(300);
    await expectPods(namespace, metadata.name, 2);
    await expectEndpoints(namespace, 2);
    expect(await podCounts(namespace, metadata.name)).toEqual([2, 2]);
  });

  it('of two Applications in one namespace does not mix', async () => {
    const namespace = await shipper.namespace();
    const one = await complete(namespace, 'one', { replicas: 2, steps: allIn });
    // Its Service is called nginx as well, and that one is taken.
    await shipper.createApplication(namespace, 'other', { replicas: 1, steps: allIn });
    const other = await shipper.head(namespace, 'other');
    await until(async () => {
      const release = await shipper.release(namespace, other.metadata.name);
      expect(
        conditionOf(release?.status?.strategy?.conditions, 'ContenderAchievedInstallation'),
      ).toMatchObject({
        status: 'False',
        message: expect.stringContaining('Service "nginx" is there already and belongs to Application "one"'),
      });
    });
    await expectEndpoints(namespace, 2);
    await expectPods(namespace, one.metadata.name, 2);
  });

  it('of two Applications with Services of their own is served to each alone', async () => {
    const namespace = await shipper.namespace();
    const of = (serviceName: string, replicas: number) => ({
      chart: { name: 'shop' },
      values: { serviceName },
      replicas,
      steps: allIn,
    });
    const one = await complete(namespace, 'one', of('one', 2));
    const other = await complete(namespace, 'other', of('other', 1));
    for (const member of members) {
      for (const [service, release, count] of [
        ['one', one, 2],
        ['other', other, 1],
      ] as const) {
        await until(async () => {
          const names = await shipper.endpoints(member, namespace, service);
          expect(names).toHaveLength(count);
          expect(names.filter((name) => !name.startsWith(release.metadata.name))).toEqual([]);
        });
      }
    }
  });

  it('is written no more once all is done', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 2 });
    const second = await next(namespace, 'app', first);
    await shipper.achieved(namespace, second.metadata.name, 0);
    await sleep(1_500);
    const versions = async () =>
      Promise.all(
        (['application', 'release', 'installation', 'capacity', 'traffic'] as const).map(async (kind) => {
          const found: string[] = [];
          for await (const { items } of shipper.host.list(shipperTypes[kind], { namespace })) {
            found.push(...items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`));
          }
          return found;
        }),
      );
    const before = await versions();
    await sleep(2_500);
    expect(await versions()).toEqual(before);
  });
});

describe('steps of another kind', () => {
  it('may leave out steps', async () => {
    const namespace = await shipper.namespace();
    const steps = [step('staging', [100, 1], [100, 0]), step('full on', [0, 100], [0, 100])];
    const first = await complete(namespace, 'app', { replicas: 3, steps });
    const second = await next(namespace, 'app', first);
    await shipper.achieved(namespace, second.metadata.name, 0);
    for (const member of members) {
      const names = await shipper.endpoints(member, namespace);
      expect(names.filter((name) => name.startsWith(second.metadata.name))).toEqual([]);
    }
    await shipper.command(namespace, second.metadata.name, 1);
    await shipper.complete(namespace, second.metadata.name);
    await expectEndpoints(namespace, 3);
  });

  it('fails a step that does not exist, and says so', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 1, steps: allIn });
    await shipper.command(namespace, first.metadata.name, 4);
    await until(async () => {
      const release = await shipper.release(namespace, first.metadata.name);
      expect(conditionOf(release?.status?.conditions, 'StrategyExecuted')).toMatchObject({
        status: 'False',
        reason: 'StrategyExecutionFailed',
        message: expect.stringContaining('no step 4 in strategy'),
      });
    });
    await shipper.command(namespace, first.metadata.name, 0);
    await until(async () => {
      const release = await shipper.release(namespace, first.metadata.name);
      expect(conditionOf(release?.status?.conditions, 'StrategyExecuted')?.status).toBe('True');
    });
  });
});

/** Watches the traffic to an Application in all members until the end of the test. */
function guarded(namespace: string, application: string, minimum: number) {
  const watch = watchTraffic(shipper, { namespace, application, members });
  watch.promise(minimum);
  return {
    seen: () => watch.stop(),
    check: async () => expect(await watch.stop()).toEqual([]),
    [Symbol.asyncDispose]: async () => void (await watch.stop()),
  };
}
