import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../src/base/index.ts';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { shipperTypes } from '../../src/rollout/shipper/records.ts';
import { startChartRepository } from '../support/chart-repository.ts';
import { until } from '../support/look.ts';
import {
  allIn,
  type AppWishes,
  type Condition,
  conditionOf,
  type Release,
  type ShipperWorld,
  startShipperWorld,
} from '../support/shipper-world.ts';
import { watchTraffic } from '../support/traffic-watch.ts';
import { hansaNamespace, types } from '../support/world.ts';

let shipper: ShipperWorld;
const members = ['m1', 'm2'];
const globalNamespace = 'rollout-blocks-global';

beforeAll(async () => {
  shipper = await startShipperWorld();
  await shipper.host.create(types['Namespace'] as ResourceType, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: globalNamespace },
  });
});
afterEach(async () => {
  shipper.repository.ails.down = false;
  for await (const { items } of shipper.host.list(shipperTypes.block)) {
    for (const { metadata } of items) await shipper.host.remove(shipperTypes.block, metadata);
  }
});
afterAll(() => shipper?.down());

const shop: AppWishes = { chart: { name: 'shop' } };

async function expectPods(namespace: string, release: string, count: number, where = members): Promise<void> {
  for (const member of where) {
    await until(async () =>
      expect(await shipper.readyPods(member, namespace, release), `${release} in ${member}`).toBe(count),
    );
  }
}

async function complete(namespace: string, name: string, wishes: AppWishes = {}): Promise<Release> {
  await shipper.createApplication(namespace, name, wishes);
  const { metadata, spec } = await shipper.head(namespace, name);
  const last = (spec.environment['strategy'] as { steps: readonly unknown[] }).steps.length - 1;
  if (last > 0) await shipper.command(namespace, metadata.name, last);
  return shipper.complete(namespace, metadata.name);
}

async function next(namespace: string, name: string, before: Release, values: JsonObject): Promise<Release> {
  await shipper.edit(namespace, name, { values });
  return shipper.head(namespace, name, before.metadata.name);
}

/** Waits until an Application or Release says so. */
function says(
  kind: 'application' | 'release',
  namespace: string,
  name: string,
  wanted: Partial<Omit<Condition, 'message'>> & { readonly type: string; readonly message?: RegExp },
  timeoutMs?: number,
): Promise<void> {
  const { message, ...rest } = wanted;
  return until(async () => {
    const object = await shipper.host.get<KubeObject & { status?: { conditions?: Condition[] } }>(
      shipperTypes[kind],
      { namespace, name },
    );
    const condition = conditionOf(object.status?.conditions, wanted.type);
    expect(condition).toMatchObject(rest);
    if (message) expect(condition?.message).toMatch(message);
  }, timeoutMs);
}

function block(namespace: string, name: string): Promise<KubeObject> {
  return shipper.host.create(shipperTypes.block, {
    apiVersion: 'shipper.booking.com/v1alpha1',
    kind: 'RolloutBlock',
    metadata: { namespace, name },
    spec: { message: 'no rollouts', author: { type: 'user', name: 'jdoe' } },
  });
}

describe('a broken rollout', () => {
  it('leaves the old release as it is, names the pods, and is aborted without a loss', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { ...shop, replicas: 4 });
    const watch = watchTraffic(shipper, { namespace, application: 'app', members });
    watch.promise(4);
    const second = await next(namespace, 'app', first, {
      nodeSelector: { 'no-such': 'node' },
      greeting: 'goodbye',
    });
    await shipper.command(namespace, second.metadata.name, 2);
    await until(async () => {
      const target = await shipper.host.get<KubeObject & { status: { clusters: readonly JsonObject[] } }>(
        shipperTypes.capacity,
        second.metadata,
      );
      const [cluster] = target.status.clusters;
      expect(cluster?.['availableReplicas']).toBe(0);
      expect(cluster?.['sadPods']).toHaveLength(4);
      expect(conditionOf(cluster?.['conditions'] as unknown as Condition[], 'Ready')).toMatchObject({
        status: 'False',
        reason: 'PodsNotReady',
      });
    });
    await expectPods(namespace, first.metadata.name, 4);
    const settings = async (member: string) => {
      const found = await shipper.world
        .member(member)
        .client.get(types['ConfigMap'] as ResourceType, { namespace, name: 'shop-settings' });
      return (found['data'] as Record<string, string>)['greeting'];
    };
    for (const member of members) expect(await settings(member)).toBe('goodbye');
    await shipper.host.remove(shipperTypes.release, second.metadata);
    await until(async () => {
      expect(await shipper.release(namespace, second.metadata.name)).toBeUndefined();
    });
    await expectPods(namespace, first.metadata.name, 4);
    // What both share was the new one's from its installation on; the old one has its own again.
    for (const member of members) expect(await settings(member)).toBe('hello');
    for (const member of members)
      expect(await shipper.pods(member, namespace, second.metadata.name)).toEqual([]);
    expect(await watch.stop()).toEqual([]);
  });

  it('of a chart with two Deployments, or one that cannot be rendered, says why', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'two', { chart: { name: 'two-deployments' } });
    const two = await shipper.head(namespace, 'two');
    await says('release', namespace, two.metadata.name, {
      type: 'Scheduled',
      status: 'False',
      reason: 'WrongChartDeployments',
      message: /has 2 Deployments and needs exactly one/,
    });
    await shipper.createApplication(namespace, 'broken', { chart: { name: 'broken' } });
    const broken = await shipper.head(namespace, 'broken');
    await says('release', namespace, broken.metadata.name, {
      type: 'Scheduled',
      status: 'False',
      reason: 'BrokenChartSpec',
      message: /values\.host is needed/,
    });
    // The mended one is a new Release, and the broken one goes.
    await shipper.edit(namespace, 'two', { chart: { name: 'nginx' } });
    const mended = await shipper.head(namespace, 'two', two.metadata.name);
    await shipper.achieved(namespace, mended.metadata.name, 0);
    await until(async () => expect(await shipper.release(namespace, two.metadata.name)).toBeUndefined());
  });

  it('from an address where no repository is makes no Release, until the address is mended', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', {
      chart: { repoUrl: 'http://127.0.0.1:1/charts' },
      steps: allIn,
    });
    await says('application', namespace, 'app', {
      type: 'RollingOut',
      status: 'False',
      reason: 'ChartVersionResolutionFailed',
      message: /cannot be reached/,
    });
    expect(await shipper.releases(namespace)).toEqual([]);
    await shipper.edit(namespace, 'app', { chart: { repoUrl: shipper.repository.url } });
    await shipper.complete(namespace, (await shipper.head(namespace, 'app')).metadata.name);
  });

  it('with a version that does not exist says which there are', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', { chart: { version: '7.0.0' } });
    await says('application', namespace, 'app', {
      type: 'RollingOut',
      status: 'False',
      reason: 'ChartVersionResolutionFailed',
      message: /0\.1\.0/,
    });
    expect(await shipper.releases(namespace)).toEqual([]);
  });
});

describe('the chart', () => {
  it('of a constraint is resolved in place, and values stay as they were written', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', {
      chart: { version: '<0.1.0' },
      steps: allIn,
      values: { nothing: null, text: '<&>' },
    });
    const { metadata, spec } = await shipper.head(namespace, 'app');
    expect(spec.environment['chart']).toMatchObject({ version: '0.0.2' });
    expect(spec.environment['values']).toEqual({ replicaCount: 3, nothing: null, text: '<&>' });
    const application = await shipper.application(namespace, 'app');
    expect(application?.spec['template']).toEqual(spec.environment);
    expect(application?.metadata.annotations).toMatchObject({
      'shipper.booking.com/app.chart.version.raw': '<0.1.0',
      'shipper.booking.com/app.chart.version.resolved': '0.0.2',
    });
    await shipper.complete(namespace, metadata.name);
  });

  it('is not asked for again: a lost repository stops no rollout', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 2 });
    const second = await next(namespace, 'app', first, { image: { tag: '1.28' } });
    await shipper.achieved(namespace, second.metadata.name, 0);
    shipper.repository.ails.down = true;
    // Another process has nothing in its memory.
    await shipper.stopDoor();
    await shipper.startDoor();
    await shipper.command(namespace, second.metadata.name, 1);
    await shipper.achieved(namespace, second.metadata.name, 1);
    await shipper.host.remove(shipperTypes.release, second.metadata);
    await until(async () => {
      expect(await shipper.release(namespace, second.metadata.name)).toBeUndefined();
    });
    await expectPods(namespace, first.metadata.name, 2);
  });

  it('of a repository with a password comes by a Secret with its address', async () => {
    const namespace = await shipper.namespace();
    await using closed = await startChartRepository({ charts: { nginx: ['0.0.1'] } });
    closed.ails.user = { username: 'reader', password: 'opensesame' };
    await shipper.createApplication(namespace, 'app', { steps: allIn, chart: { repoUrl: `${closed.url}/` } });
    await says('application', namespace, 'app', {
      type: 'RollingOut',
      status: 'False',
      reason: 'ChartVersionResolutionFailed',
      message: /401/,
    });
    await shipper.host.create(types['Secret'] as ResourceType, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'charts',
        namespace: hansaNamespace,
        labels: { 'rollout.hansa.dev/chart-repository': 'true' },
      },
      stringData: { url: closed.url, username: 'reader', password: 'opensesame' },
    });
    await shipper.edit(namespace, 'app', { values: { again: true } });
    await shipper.complete(namespace, (await shipper.head(namespace, 'app')).metadata.name);
    expect(closed.authorizations.at(-1)).toMatch(/^Basic /);
  });
});

describe('a RolloutBlock', () => {
  it('keeps a new Application from having a Release, until it is gone', async () => {
    const namespace = await shipper.namespace();
    await block(namespace, 'stop');
    await shipper.createApplication(namespace, 'app', { steps: allIn });
    await says('application', namespace, 'app', {
      type: 'Blocked',
      status: 'True',
      reason: 'RolloutsBlocked',
      message: new RegExp(`${namespace}/stop`),
    });
    await sleep(500);
    expect(await shipper.releases(namespace)).toEqual([]);
    await shipper.host.remove(shipperTypes.block, { namespace, name: 'stop' });
    await shipper.complete(namespace, (await shipper.head(namespace, 'app')).metadata.name);
    await says('application', namespace, 'app', { type: 'Blocked', status: 'False' });
  });

  it.each([
    ['in the namespace', undefined],
    ['for all namespaces', globalNamespace],
  ])('%s is passed by who overrides it, and lists him', async (_, where) => {
    const namespace = await shipper.namespace();
    const blockNamespace = where ?? namespace;
    await block(blockNamespace, 'stop');
    await shipper.createApplication(namespace, 'app', {
      steps: allIn,
      annotations: { 'shipper.booking.com/rollout-block.override': `${blockNamespace}/stop` },
    });
    const { metadata } = await shipper.head(namespace, 'app');
    await shipper.complete(namespace, metadata.name);
    const overrides = async () =>
      (
        await shipper.host.get<KubeObject & { status?: JsonObject }>(shipperTypes.block, {
          namespace: blockNamespace,
          name: 'stop',
        })
      ).status?.['overrides'];
    await until(async () =>
      expect(await overrides()).toEqual({
        application: `${namespace}/app`,
        release: `${namespace}/${metadata.name}`,
      }),
    );
    await shipper.host.remove(shipperTypes.application, { namespace, name: 'app' });
    await until(async () => expect(await overrides()).toEqual({ application: '', release: '' }), 40_000);
  });

  it('that does not exist blocks who names it', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', {
      annotations: { 'shipper.booking.com/rollout-block.override': `${namespace}/imagined` },
    });
    await says('application', namespace, 'app', {
      type: 'Blocked',
      status: 'True',
      message: /does not exist/,
    });
    expect(await shipper.releases(namespace)).toEqual([]);
  });

  it.each([
    ['forward', 0, 1],
    ['backward', 1, 0],
  ])('holds a rollout where it is, %s', async (_, at, to) => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    const second = await next(namespace, 'app', first, { image: { tag: '1.28' } });
    await shipper.command(namespace, second.metadata.name, at);
    await shipper.achieved(namespace, second.metadata.name, at);
    const before = await Promise.all(
      members.map((member) => shipper.readyPods(member, namespace, second.metadata.name)),
    );
    await block(namespace, 'stop');
    await says('release', namespace, second.metadata.name, { type: 'Blocked', status: 'True' });
    await shipper.command(namespace, second.metadata.name, to);
    await sleep(1_000);
    const release = await shipper.release(namespace, second.metadata.name);
    expect(release?.status?.achievedStep?.step).toBe(at);
    for (const [index, member] of members.entries()) {
      expect(await shipper.readyPods(member, namespace, second.metadata.name)).toBe(before[index]);
    }
    await shipper.host.remove(shipperTypes.block, { namespace, name: 'stop' });
    await shipper.achieved(namespace, second.metadata.name, to);
  });

  it('holds up an abort, but healing goes on', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 2 });
    const second = await next(namespace, 'app', first, { image: { tag: '1.28' } });
    await shipper.achieved(namespace, second.metadata.name, 0);
    await block(namespace, 'stop');
    await says('release', namespace, second.metadata.name, { type: 'Blocked', status: 'True' });
    await shipper.host.remove(shipperTypes.release, second.metadata);
    await shipper.world.member('m1').client.remove(types['Deployment'] as ResourceType, {
      namespace,
      name: `${first.metadata.name}-nginx`,
    });
    await sleep(500);
    await expectPods(namespace, first.metadata.name, 2);
    expect(
      (await shipper.release(namespace, second.metadata.name))?.metadata.deletionTimestamp,
    ).toBeDefined();
    await shipper.host.remove(shipperTypes.block, { namespace, name: 'stop' });
    await until(async () => expect(await shipper.release(namespace, second.metadata.name)).toBeUndefined());
  });
});

describe('a Release', () => {
  it('cannot be given another environment', async () => {
    const namespace = await shipper.namespace();
    const { metadata } = await complete(namespace, 'app', { steps: allIn });
    await expect(
      shipper.host.patch(
        shipperTypes.release,
        metadata,
        { spec: { environment: { values: { replicaCount: 9 } } } },
        { type: 'merge' },
      ),
    ).rejects.toMatchObject({
      reason: 'Invalid',
      message: expect.stringContaining('edit spec.template of the Application instead'),
    });
  });

  it('that finds too few clusters is scheduled as soon as there are enough', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', {
      steps: allIn,
      regions: [{ name: 'faraway' }],
      replicas: 1,
    });
    const { metadata } = await shipper.head(namespace, 'app');
    await says('release', namespace, metadata.name, {
      type: 'Scheduled',
      status: 'False',
      reason: 'NotEnoughClustersInRegion',
    });
    await shipper.host.create(shipperTypes.cluster, {
      apiVersion: 'shipper.booking.com/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'm2' },
      spec: { apiMaster: '', region: 'faraway', capabilities: ['gpu'] },
    });
    try {
      const release = await shipper.complete(namespace, metadata.name);
      expect(release.metadata.annotations?.['shipper.booking.com/release.clusters']).toBe('m2');
      await expectPods(namespace, metadata.name, 1, ['m2']);
    } finally {
      await shipper.host.remove(shipperTypes.cluster, { name: 'm2' });
    }
  });

  it('whose clusters are changed keeps what runs in those that stay', async () => {
    const namespace = await shipper.namespace();
    await shipper.createApplication(namespace, 'app', {
      replicas: 3,
      steps: allIn,
      regions: [{ name: 'local', replicas: 1 }],
    });
    const { metadata } = await shipper.head(namespace, 'app');
    const release = await shipper.complete(namespace, metadata.name);
    const [home = ''] = (release.metadata.annotations?.['shipper.booking.com/release.clusters'] ?? '').split(
      ',',
    );
    const watch = watchTraffic(shipper, { namespace, application: 'app', members: [home] });
    watch.promise(3);
    await shipper.host.patch(
      shipperTypes.release,
      metadata,
      { metadata: { annotations: { 'shipper.booking.com/release.clusters': 'm1,m2' } } },
      { type: 'merge' },
    );
    await expectPods(namespace, metadata.name, 3);
    expect(await watch.stop()).toEqual([]);
  });
});

describe('a member', () => {
  it('that is lost in mid-step holds up the step, and not what is told of the others', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    const second = await next(namespace, 'app', first, { image: { tag: '1.28' } });
    await shipper.achieved(namespace, second.metadata.name, 0);
    const watch = watchTraffic(shipper, { namespace, application: 'app', members: ['m1'] });
    watch.promise(4);
    await shipper.world.member('m2').killApiServer();
    try {
      await shipper.command(namespace, second.metadata.name, 1);
      await expectPods(namespace, second.metadata.name, 2, ['m1']);
      await until(async () => {
        const target = await shipper.host.get<
          KubeObject & {
            status: {
              clusters: readonly { name: string; availableReplicas: number; conditions: Condition[] }[];
              conditions: Condition[];
            };
          }
        >(shipperTypes.capacity, second.metadata);
        const [m1, m2] = target.status.clusters;
        expect(m1).toMatchObject({ name: 'm1', availableReplicas: 2 });
        expect(conditionOf(m1?.conditions, 'Ready')?.status).toBe('True');
        expect(conditionOf(m2?.conditions, 'Operational')?.status).toBe('False');
        expect(conditionOf(target.status.conditions, 'Ready')).toMatchObject({
          reason: 'ClustersNotReady',
          message: expect.stringContaining('m2'),
        });
        const release = await shipper.release(namespace, second.metadata.name);
        const waits = release?.status?.strategy?.conditions?.find(({ status }) => status === 'False');
        expect(waits).toMatchObject({ reason: 'ClustersNotReady', message: expect.stringContaining('m2') });
        expect(waits?.message).not.toContain('m1');
      }, 40_000);
      expect((await shipper.release(namespace, second.metadata.name))?.status?.achievedStep?.step).toBe(0);
    } finally {
      await shipper.world.member('m2').startApiServer();
    }
    await shipper.achieved(namespace, second.metadata.name, 1, 90_000);
    await expectPods(namespace, first.metadata.name, 2);
    expect(await watch.stop()).toEqual([]);
  });
});

describe('a controller', () => {
  it('that is ended again and again goes on where it was, and nobody loses traffic', async () => {
    const namespace = await shipper.namespace();
    const first = await complete(namespace, 'app', { replicas: 4 });
    const watch = watchTraffic(shipper, { namespace, application: 'app', members });
    watch.promise(4);
    let isOver = false;
    const unrest = (async () => {
      for (let round = 0; !isOver; round += 1) {
        await sleep(400 + ((round * 97) % 700));
        await shipper.stopDoor();
        await shipper.startDoor();
      }
    })();
    try {
      const second = await next(namespace, 'app', first, { image: { tag: '1.28' } });
      for (const index of [1, 0, 2]) {
        await shipper.command(namespace, second.metadata.name, index);
        await shipper.achieved(namespace, second.metadata.name, index, 60_000);
      }
      const third = await next(namespace, 'app', second, { image: { tag: '1.29' } });
      await shipper.command(namespace, third.metadata.name, 1);
      await shipper.achieved(namespace, third.metadata.name, 1, 60_000);
      await shipper.host.remove(shipperTypes.release, third.metadata);
      await until(
        async () => expect(await shipper.release(namespace, third.metadata.name)).toBeUndefined(),
        60_000,
      );
      isOver = true;
      await unrest;
      await expectPods(namespace, second.metadata.name, 4);
      await expectPods(namespace, first.metadata.name, 0);
    } finally {
      isOver = true;
      await unrest;
    }
    expect(await watch.stop()).toEqual([]);
  });
});
