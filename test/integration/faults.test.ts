import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HansaError } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  type ListOptions,
  type ResourceType,
  type WatchOptions,
} from '../../src/kube/index.ts';
import { memberDeadlineMs } from '../../src/propagation/index.ts';
import { looksAt, until } from '../support/look.ts';
import { openSlowProxy, type SlowProxy } from '../support/slow-proxy.ts';
import {
  federatedConfigMap,
  federatedDeployment,
  hansaNamespace,
  type HansaParts,
  quickHealthCheck,
  type RunningHansa,
  startWorld,
  types,
  type World,
} from '../support/world.ts';

let world: World;
let hasOwnHansa = false;
const { inMember, statusOf, clusterConditions, edit } = looksAt(() => world);
const configMapType = types['ConfigMap'] as ResourceType;
const secretType = types['Secret'] as ResourceType;
const good = ['m1', 'm2'];

beforeAll(async () => {
  world = await startWorld({ members: [{ name: 'm1' }, { name: 'm2' }, { name: 'm3' }] });
});
/** A test that put something in Hansa's way, whether it went well or not, leaves the world as it was for the next. */
afterEach(async () => {
  if (hasOwnHansa) await startAnew({});
  hasOwnHansa = false;
  const cluster = await world.get<{ spec: { apiEndpoint: string } }>('KubeFedCluster', 'm3', hansaNamespace);
  if (cluster?.spec.apiEndpoint !== world.member('m3').server) await pointM3At(world.member('m3').server);
});
afterAll(() => world?.down());

async function startAnew(parts: HansaParts): Promise<RunningHansa> {
  hasOwnHansa = true;
  await world.hansa.stop();
  return world.start(parts);
}

/** A namespace that is in all members already, so that a test sees only its own fault. */
async function readyNamespace(): Promise<string> {
  const namespace = await world.namespace();
  await until(async () => {
    for (const { name } of world.members) expect(await inMember(name, 'Namespace', namespace)).toBeDefined();
  });
  return namespace;
}

async function inPlace(name: string, namespace: string): Promise<void> {
  await until(async () => {
    const { summary } = await statusOf('FederatedConfigMap', name, namespace);
    expect(summary.text).toBe('3/3');
  });
}

function setData(name: string, namespace: string, data: Record<string, string>): Promise<KubeObject> {
  return edit('FederatedConfigMap', name, namespace, { spec: { template: { data } } });
}

/** Only m3 has something to say, and it is this. */
async function onlyM3Says(status: string, name: string, namespace: string): Promise<string> {
  return until(async () => {
    const { clusters } = await statusOf('FederatedConfigMap', name, namespace);
    const [m1, m2, m3] = clusters;
    expect(m1).not.toHaveProperty('status');
    expect(m2).not.toHaveProperty('status');
    expect(m3).toMatchObject({ name: 'm3', status });
    expect(Date.parse(m3?.lastTransitionTime ?? '')).toBeGreaterThan(Date.now() - 120_000);
    return m3?.message ?? '';
  });
}

async function spoil(member: string, name: string, namespace: string): Promise<void> {
  await world
    .member(member)
    .client.patch(configMapType, { name, namespace }, { data: { key: 'spoilt' } }, { type: 'merge' });
}

async function pointM3At(address: string): Promise<void> {
  await edit('KubeFedCluster', 'm3', hansaNamespace, { spec: { apiEndpoint: address } });
}

async function isReady(member: string): Promise<void> {
  await until(async () => {
    const [ready] = await clusterConditions(member);
    expect(ready).toMatchObject({ type: 'Ready', status: 'True' });
  }, 30_000);
}

describe('a member that answers after 30 s', () => {
  let proxy: SlowProxy;

  beforeEach(async () => {
    proxy = await openSlowProxy(world.member('m3').server);
    // Its probes may take as long as they like, so that it counts as ready and gets its share of the work.
    await startAnew({ healthCheck: { ...quickHealthCheck, timeoutMs: 60_000 } });
    await pointM3At(proxy.address);
    await until(() => expect(proxy.opened).toBeGreaterThan(5));
    await isReady('m3');
    await world.settled();
  });
  afterEach(() => proxy[Symbol.asyncDispose]());

  it('does not move the latency of the others, and says so for itself alone', async () => {
    const namespace = await readyNamespace();
    await medianUntilInGood('warm', namespace);
    const withoutMs = await medianUntilInGood('quick', namespace);
    proxy.delayAnswers(30_000);
    const withMs = await medianUntilInGood('slow', namespace);
    console.log(`create → in the good members, p50: ${withoutMs} ms, beside a slow member ${withMs} ms`);
    // What a busy machine adds to a single run must not fail the build; what is looked for are seconds.
    expect(withMs).toBeLessThan(Math.max(withoutMs * 2.5, 250));

    const message = await onlyM3Says('CreationTimedOut', 'slow-0', namespace);
    expect(message).toContain(`within ${memberDeadlineMs / 1000} s`);
    proxy.delayAnswers(0);
    await until(async () => {
      for (let i = 0; i < 20; i++)
        expect(await inMember('m3', 'ConfigMap', `slow-${i}`, namespace)).toBeDefined();
    }, 60_000);
    await inPlace('slow-0', namespace);
  });

  async function medianUntilInGood(prefix: string, namespace: string): Promise<number> {
    const took: number[] = [];
    for (let i = 0; i < 20; i++) {
      const name = `${prefix}-${i}`;
      const started = performance.now();
      await world.apply(federatedConfigMap(name, namespace));
      await Promise.all(
        good.map(async (member) => {
          while (!(await inMember(member, 'ConfigMap', name, namespace)))
            await new Promise((resolve) => setTimeout(resolve, 2));
        }),
      );
      took.push(performance.now() - started);
    }
    return Math.round(took.sort((a, b) => a - b)[took.length / 2] as number);
  }
});

describe('a member that is down', () => {
  it('owes what was asked for, says so alone, and does it when it is back', async () => {
    const namespace = await readyNamespace();
    for (const name of ['old', 'edited', 'deleted']) await world.apply(federatedConfigMap(name, namespace));
    for (const name of ['old', 'edited', 'deleted']) await inPlace(name, namespace);

    await world.member('m3').killApiServer();
    const message = await onlyM3Says('ClusterNotReady', 'old', namespace);
    expect(message).toContain('ECONNREFUSED');
    expect(await clusterConditions('m3')).toEqual([
      expect.objectContaining({ type: 'Ready', status: 'Unknown', reason: 'ClusterNotReachable' }),
      expect.objectContaining({ type: 'Offline', status: 'True', message }),
    ]);
    expect(await clusterConditions('m1')).toEqual([expect.objectContaining({ status: 'True' })]);

    await world.apply(federatedConfigMap('new', namespace));
    await setData('edited', namespace, { key: 'second' });
    await world.remove('FederatedConfigMap', 'deleted', namespace);
    await until(async () => {
      for (const member of good) {
        expect((await inMember(member, 'ConfigMap', 'new', namespace))?.data).toEqual({ key: 'value' });
        expect((await inMember(member, 'ConfigMap', 'edited', namespace))?.data).toEqual({ key: 'second' });
        expect(await inMember(member, 'ConfigMap', 'deleted', namespace)).toBeUndefined();
      }
    });
    for (const name of ['new', 'edited']) await onlyM3Says('ClusterNotReady', name, namespace);
    await until(async () => {
      const { clusters, conditions } = await statusOf('FederatedConfigMap', 'deleted', namespace);
      expect(clusters).toEqual([expect.objectContaining({ name: 'm3', status: 'ClusterNotReady' })]);
      expect(conditions[0]).toMatchObject({ status: 'False', reason: 'DeletionBlocked' });
      expect(conditions[0]?.message).toContain('m3');
    });

    await world.member('m3').startApiServer();
    await until(async () => {
      expect((await inMember('m3', 'ConfigMap', 'new', namespace))?.data).toEqual({ key: 'value' });
      expect((await inMember('m3', 'ConfigMap', 'edited', namespace))?.data).toEqual({ key: 'second' });
      expect(await inMember('m3', 'ConfigMap', 'deleted', namespace)).toBeUndefined();
      expect(await world.get('FederatedConfigMap', 'deleted', namespace)).toBeUndefined();
    }, 40_000);
    for (const name of ['old', 'new', 'edited']) await inPlace(name, namespace);
  });
});

describe('a member that is frozen', () => {
  it('is noticed, and is looked after again when it thaws', async () => {
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('frozen', namespace));
    await inPlace('frozen', namespace);
    world.member('m3').pause();
    try {
      const message = await onlyM3Says('ClusterNotReady', 'frozen', namespace);
      expect(message).toContain('no answer within');
      await setData('frozen', namespace, { key: 'second' });
      await until(async () => {
        for (const member of good)
          expect((await inMember(member, 'ConfigMap', 'frozen', namespace))?.data).toEqual({ key: 'second' });
      });
    } finally {
      world.member('m3').resume();
    }
    await until(async () =>
      expect((await inMember('m3', 'ConfigMap', 'frozen', namespace))?.data).toEqual({ key: 'second' }),
    );
    await inPlace('frozen', namespace);
    await spoil('m3', 'frozen', namespace);
    await until(async () =>
      expect((await inMember('m3', 'ConfigMap', 'frozen', namespace))?.data).toEqual({ key: 'second' }),
    );
  });

  it('whose watches died without a word gets new ones', async () => {
    await using proxy = await openSlowProxy(world.member('m3').server);
    await startAnew({
      connect: (name, access, metrics) =>
        createApiClient(access, { name, metrics, deadlineMs: memberDeadlineMs, watchIdleLimitMs: 2_000 }),
    });
    await pointM3At(proxy.address);
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('silent', namespace));
    await inPlace('silent', namespace);
    await isReady('m3');
    await world.settled();

    proxy.forgetConnections();
    await spoil('m3', 'silent', namespace);
    await until(
      async () =>
        expect((await inMember('m3', 'ConfigMap', 'silent', namespace))?.data).toEqual({ key: 'value' }),
      // The repair itself may meet a dead connection first, which takes a call's own time limit to tell.
      3 * memberDeadlineMs,
    );
  });
});

describe('credentials', () => {
  const ref = { name: '', namespace: hansaNamespace };

  async function secretOfM3(): Promise<KubeObject> {
    const cluster = await world.get<{ spec: { secretRef: { name: string } } }>(
      'KubeFedCluster',
      'm3',
      hansaNamespace,
    );
    return world.host.client.get(secretType, { ...ref, name: cluster?.spec.secretRef.name ?? '' });
  }

  it('that a member refuses are told with what mends them, and mended ones are used at once', async () => {
    const namespace = await readyNamespace();
    const secret = await secretOfM3();
    const name = secret.metadata.name;
    const put = (token: string) =>
      world.host.client.patch(secretType, { ...ref, name }, { data: { token } }, { type: 'merge' });
    await put(Buffer.from('expired').toString('base64'));
    await until(async () => {
      const [ready] = await clusterConditions('m3');
      expect(ready).toMatchObject({ status: 'False', reason: 'ClusterNotReady' });
      expect(ready?.message).toContain('401');
      expect(ready?.message).toContain('run "hansa join"');
      expect(ready?.message).not.toContain('expired\n');
    });
    await world.apply(federatedConfigMap('beside', namespace));
    await onlyM3Says('ClusterNotReady', 'beside', namespace);
    await until(async () => {
      for (const member of good)
        expect(await inMember(member, 'ConfigMap', 'beside', namespace)).toBeDefined();
    });
    await put((secret['data'] as { token: string }).token);
    await inPlace('beside', namespace);
    await isReady('m3');
  });

  it('whose Secret is missing are told by its name, and used when it is there', async () => {
    const namespace = await readyNamespace();
    const { metadata, ...secret } = await secretOfM3();
    const { name, labels = {}, annotations = {} } = metadata;
    await world.host.client.remove(secretType, { ...ref, name });
    await until(async () => {
      const malformed = (await clusterConditions('m3')).find(({ type }) => type === 'ConfigMalformed');
      expect(malformed).toMatchObject({ status: 'True', reason: 'ClusterConfigMalformed' });
      expect(malformed?.message).toContain(`Secret "${name}" does not exist`);
      expect(malformed?.message).toContain('"hansa join m3"');
    });
    await world.apply(federatedConfigMap('without', namespace));
    const message = await onlyM3Says('ClusterNotReady', 'without', namespace);
    expect(message).toContain(name);
    await world.host.client.create(secretType, {
      ...(secret as KubeObject),
      metadata: { name, namespace: hansaNamespace, labels, annotations },
    });
    await inPlace('without', namespace);
  });
});

describe('a member that does not serve a kind', () => {
  it('says so for that kind alone, and catches up when it is served', async () => {
    const namespace = await readyNamespace();
    let isServed = false;
    await startAnew({
      connect: (name, access, metrics) => {
        const client = createApiClient(access, { name, metrics, deadlineMs: memberDeadlineMs });
        if (name !== 'm2') return client;
        return refusing(client, (type) =>
          type.plural === 'deployments' && !isServed
            ? new HansaError('the server could not find the requested resource', { reason: 'KindNotServed' })
            : undefined,
        );
      },
    });
    await world.apply(federatedDeployment('web', namespace));
    await world.apply(federatedConfigMap('beside', namespace));
    await inPlace('beside', namespace);
    await until(async () => {
      const { clusters, summary } = await statusOf('FederatedDeployment', 'web', namespace);
      expect(clusters[1]).toMatchObject({ name: 'm2', status: 'KindNotServed' });
      expect(clusters[1]?.message).toBe('m2 does not serve deployments.v1.apps');
      expect(summary.text).toBe('2/3');
    });
    expect(await inMember('m1', 'Deployment', 'web', namespace)).toBeDefined();
    expect(await inMember('m3', 'Deployment', 'web', namespace)).toBeDefined();
    isServed = true;
    await until(async () => {
      const { summary } = await statusOf('FederatedDeployment', 'web', namespace);
      expect(summary.text).toBe('3/3');
    }, 40_000);
  });
});

describe('the host', () => {
  it('may restart: nothing is written to members meanwhile, and the same Hansa goes on', async () => {
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('before', namespace));
    await inPlace('before', namespace);
    await world.settled();
    const { hansa } = world;
    const writes = hansa.writesTo('members');
    await world.host.stopApiServer();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await world.host.startApiServer();
    await world.settled();
    expect(hansa.writesTo('members')).toBe(writes);

    await world.apply(federatedConfigMap('after', namespace));
    await inPlace('after', namespace);
    await setData('before', namespace, { key: 'second' });
    await until(async () =>
      expect((await inMember('m1', 'ConfigMap', 'before', namespace))?.data).toEqual({ key: 'second' }),
    );
    await world.remove('FederatedConfigMap', 'before', namespace);
    await until(async () =>
      expect(await world.get('FederatedConfigMap', 'before', namespace)).toBeUndefined(),
    );
    expect(world.hansa).toBe(hansa);
  });

  it.each([
    ['forbids to list a kind', 'Forbidden'],
    ['stops serving a kind', 'KindNotServed'],
  ])('that %s costs no member anything', async (_, reason) => {
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('kept', namespace));
    await inPlace('kept', namespace);
    const blindness = new AbortController();
    await startAnew({
      host: refusing(
        world.host.client,
        ({ group, plural }) =>
          blindness.signal.aborted && plural === 'federatedconfigmaps' && group === 'types.kubefed.io'
            ? new HansaError(`${plural} can't be seen`, { reason })
            : undefined,
        blindness.signal,
      ),
    });
    await world.settled();
    const { hansa } = world;
    const before = hansa.writesTo('members');
    blindness.abort();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // Something moves in a member, so that its object is looked at while the host can't be.
    await spoil('m1', 'kept', namespace);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await world.settled();
    await expectKept(namespace);
    expect(hansa.writesTo('members') - before).toBeLessThanOrEqual(1);
    await startAnew({});
    await inPlace('kept', namespace);
  });

  it('that lost a kind before a start is not read as "release everything"', async () => {
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('kept', namespace));
    await inPlace('kept', namespace);
    const hansa = await startAnew({
      host: refusing(world.host.client, ({ group, plural }) =>
        plural === 'federatedconfigmaps' && group === 'types.kubefed.io'
          ? new HansaError(`${plural} are not served`, { reason: 'KindNotServed' })
          : undefined,
      ),
    });
    await until(() => expect(hansa.plane.propagation.sources.count()).toBeGreaterThan(0));
    await world.settled();
    await spoil('m1', 'kept', namespace);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await expectKept(namespace);
    expect(hansa.writesTo('members')).toBe(0);
    await startAnew({});
    await until(async () =>
      expect((await inMember('m1', 'ConfigMap', 'kept', namespace))?.data).toEqual({ key: 'value' }),
    );
  });

  it('that has forgotten its objects, as one restored from an old backup, costs no member an object', async () => {
    const namespace = await readyNamespace();
    await world.apply(federatedConfigMap('kept', namespace));
    await inPlace('kept', namespace);
    const { client } = world.host;
    const hansa = await startAnew({
      host: {
        ...client,
        async *list<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
          for await (const page of client.list<T>(type, options))
            yield type.plural === 'federatedconfigmaps' ? { ...page, items: [] } : page;
        },
      },
    });
    // What no federated object stands for is let go, and that is all that happens to it.
    await until(async () => {
      for (const { name } of world.members)
        expect((await inMember(name, 'ConfigMap', 'kept', namespace))?.metadata.labels).toBeUndefined();
    });
    await world.settled();
    expect([...hansa.calls.keys()].filter((call) => /^m\d delete$/.test(call))).toEqual([]);
    for (const { name } of world.members)
      expect((await inMember(name, 'ConfigMap', 'kept', namespace))?.data).toEqual({ key: 'value' });

    await startAnew({});
    await until(() => expectKept(namespace));
  });

  async function expectKept(namespace: string): Promise<void> {
    for (const { name } of world.members) {
      const object = await inMember(name, 'ConfigMap', 'kept', namespace);
      expect(object?.metadata.labels).toMatchObject({ 'kubefed.io/managed': 'true' });
    }
  }
});

/** A server that refuses what it is asked about some kinds; with a signal, watches under way end with it. */
function refusing(
  client: ApiClient,
  refusalOf: (type: ResourceType) => HansaError | undefined,
  cut?: AbortSignal,
): ApiClient {
  const orRefuse = (type: ResourceType) => {
    const refusal = refusalOf(type);
    if (refusal) throw refusal;
  };
  return {
    ...client,
    async *list<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
      orRefuse(type);
      yield* client.list<T>(type, options);
    },
    async *watch<T extends KubeObject>(type: ResourceType, options: WatchOptions) {
      orRefuse(type);
      const signals = [options.signal, cut].filter((signal) => signal !== undefined);
      try {
        yield* client.watch<T>(type, { ...options, signal: AbortSignal.any(signals) });
      } catch (error) {
        orRefuse(type);
        // Only the watches of the kind that vanished end; the others are taken up again.
        if (cut?.aborted && !options.signal?.aborted) return;
        throw error;
      }
    },
    apply: async (type, object, options) => {
      orRefuse(type);
      return client.apply(type, object, options);
    },
  };
}
