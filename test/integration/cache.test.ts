import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.ts';
import {
  type Access,
  type ApiClient,
  Cache,
  type Cached,
  type CacheOptions,
  createApiClient,
  type KubeObject,
  type ListOptions,
  loadAccess,
  noMetrics,
  type ResourceType,
  systemClock,
  type WatchEvent,
  type WatchOptions,
} from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { until } from '../support/look.ts';
import { openSlowProxy, type SlowProxy } from '../support/slow-proxy.ts';

const namespace = 'default';
const configMapType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};
const secretType: ResourceType = { ...configMapType, kind: 'Secret', plural: 'secrets' };

interface Kept extends Cached {
  readonly value: string;
}

let sandbox: Sandbox;
let access: Access;
/** What others do, past the hop. */
let others: ApiClient;
let proxy: SlowProxy;
let client: ApiClient;
let round = 0;
/** Objects of one test. */
let mine = '';
let stop = new AbortController();

beforeAll(async () => {
  sandbox = await startSandbox({ name: `cache-${process.pid}`, members: [] });
  access = (await loadAccess({ text: sandbox.host.adminKubeconfig })).access;
  others = createApiClient(access);
});
afterAll(async () => {
  await others?.close();
  await sandbox?.down();
});
beforeEach(async () => {
  mine = `test=${++round}`;
  stop = new AbortController();
  proxy = await openSlowProxy(access.server);
  client = createApiClient({ ...access, server: proxy.address });
});
afterEach(async () => {
  stop.abort();
  await client.close();
  await proxy[Symbol.asyncDispose]();
});

function configMap(name: string, value = 'first', labelled = true): KubeObject {
  const [key = '', label = ''] = mine.split('=');
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${name}-${round}`, namespace, ...(labelled ? { labels: { [key]: label } } : {}) },
    data: { value },
  };
}

const put = (name: string, value?: string): Promise<KubeObject> =>
  others.apply(configMapType, configMap(name, value), { fieldManager: 'others', force: true });
const keyFor = (name: string) => `${namespace}/${name}-${round}`;

/** A cache of this test's ConfigMaps, with what it told its listeners and why its watches started anew. */
function follow(options: Partial<CacheOptions<Kept>> = {}) {
  const told: string[] = [];
  const restarts: string[] = [];
  const cache = new Cache<Kept>({
    name: 'test',
    client,
    type: configMapType,
    namespace,
    labelSelector: mine,
    project: (object) => ({
      resourceVersion: object.metadata.resourceVersion ?? '',
      value: (object['data'] as { value: string } | undefined)?.value ?? '',
    }),
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    metrics: { ...noMetrics, onWatchRestart: ({ reason }) => restarts.push(reason) },
    backoffMs: { first: 100, max: 500 },
    ...options,
  });
  cache.onChange((key, { old, next }) => {
    const name = key.slice(namespace.length + 1, key.lastIndexOf('-'));
    told.push(`${name}: ${old?.value ?? 'none'} → ${next?.value ?? 'none'}`);
  });
  return { cache, told, restarts, done: cache.run(stop.signal) };
}

/** The same client with other habits. */
function withHabits(habits: {
  readonly list?: Partial<ListOptions>;
  readonly watch?: Partial<WatchOptions>;
  readonly onList?: () => void;
  readonly onWatch?: (from: string) => void;
  readonly onEvent?: (event: WatchEvent) => void;
}): ApiClient {
  return {
    ...client,
    async *list<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
      habits.onList?.();
      yield* client.list<T>(type, { ...options, ...habits.list });
    },
    async *watch<T extends KubeObject>(type: ResourceType, options: WatchOptions) {
      habits.onWatch?.(options.resourceVersion);
      for await (const event of client.watch<T>(type, { ...options, ...habits.watch })) {
        habits.onEvent?.(event);
        yield event;
      }
    },
  };
}

describe('a list', () => {
  it('in pages of three is complete, each object once', async () => {
    for (let i = 0; i < 10; i++) await put(`page-${i}`);
    const pages: number[] = [];
    for await (const { items } of others.list(configMapType, { namespace, labelSelector: mine, limit: 3 }))
      pages.push(items.length);
    expect(pages).toEqual([3, 3, 3, 1]);

    const { cache, told } = follow({ client: withHabits({ list: { limit: 3 } }) });
    await cache.synced;
    expect(cache.size).toBe(10);
    expect(new Set(told).size).toBe(10);
    expect(told).toHaveLength(10);
    await put('page-10');
    await until(() => expect(cache.size).toBe(11));
  });

  it('that breaks off in the middle takes nothing away', async () => {
    for (const name of ['a', 'b', 'c']) await put(name);
    let isBroken = false;
    const { cache, told, restarts } = follow({
      client: {
        ...client,
        async *list<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
          for await (const page of client.list<T>(type, { ...options, limit: 1 })) {
            yield page;
            if (isBroken) throw new Error('the connection broke');
          }
        },
      },
    });
    await cache.synced;
    told.length = 0;
    isBroken = true;
    proxy.cutOff();
    await forgetChanges();
    proxy.letIn();
    await until(() =>
      expect(restarts.filter((reason) => reason === 'UnexpectedError').length).toBeGreaterThan(1),
    );
    expect(cache.size).toBe(3);
    expect(told).toEqual([]);
    isBroken = false;
    await until(() => expect(cache.state.kind).toBe('live'));
    expect(cache.size).toBe(3);
    expect(told).toEqual([]);
  });
});

describe('a watch that breaks', () => {
  it('goes on where it was, without a new list, and the cache is trusted at once', async () => {
    let lists = 0;
    await put('a');
    await put('b');
    const { cache, told } = follow({ client: withHabits({ onList: () => lists++ }) });
    await cache.synced;
    told.length = 0;
    proxy.cutOff();
    await until(() => expect(cache.state).toMatchObject({ kind: 'stale', reason: 'Unreachable' }));
    await put('a', 'second');
    await others.remove(configMapType, { namespace, name: `b-${round}` });
    await put('c');
    expect(told).toEqual([]);
    proxy.letIn();
    await until(() => expect(told).toEqual(['a: first → second', 'b: first → none', 'c: none → first']));
    expect(lists).toBe(1);
    expect(cache.state.kind).toBe('live');

    // Nothing happened meanwhile: the server's consent is news enough, a bookmark would take a minute.
    proxy.cutOff();
    await until(() => expect(cache.state.kind).toBe('stale'));
    proxy.letIn();
    await until(() => expect(cache.state.kind).toBe('live'), 3_000);
    expect(lists).toBe(1);
  });

  it('and whose place the server forgot leads to a list that tells exactly of what changed', async () => {
    for (const name of ['same', 'changed', 'deleted', 'anew']) await put(name);
    const { cache, told, restarts } = follow();
    await cache.synced;
    told.length = 0;
    proxy.cutOff();
    await put('changed', 'second');
    for (const name of ['deleted', 'anew'])
      await others.remove(configMapType, { namespace, name: `${name}-${round}` });
    await put('anew', 'second');
    await put('created');
    await forgetChanges();
    proxy.letIn();
    await until(() => expect(cache.state.kind).toBe('live'));
    expect(restarts).toContain('Gone');
    expect(told.sort()).toEqual([
      'anew: first → second',
      'changed: first → second',
      'created: none → first',
      'deleted: first → none',
    ]);
    await put('same', 'second');
    await until(() => expect(cache.get(keyFor('same'))?.value).toBe('second'));
  });

  it('resumes from the last bookmark, so that a quiet kind is not listed anew', async () => {
    const from: string[] = [];
    const bookmarks: string[] = [];
    await put('a');
    const { cache, told, restarts } = follow({
      client: withHabits({
        // The server sends a bookmark shortly before it ends a watch.
        watch: { timeoutSeconds: 5 },
        onWatch: (version) => from.push(version),
        onEvent: (event) => {
          if (event.type === 'BOOKMARK') bookmarks.push(event.resourceVersion);
        },
      }),
    });
    await cache.synced;
    await until(() => expect(from).toHaveLength(1));
    // Not this cache's objects: no event tells of them, but the server's version goes on.
    const stranger = await others.create(configMapType, configMap('stranger', 'first', false));
    await until(() => expect(from.length).toBeGreaterThan(1));
    expect(bookmarks.at(-1)).toBe(stranger.metadata.resourceVersion);
    expect(from[1]).toBe(bookmarks.at(-1));
    expect(from[1]).not.toBe(from[0]);
    expect(restarts).toEqual(['expired']);
    expect(told).toEqual(['a: none → first']);
  });
});

describe('a write of our own', () => {
  it('shows at once, and an older event that is still under way does not undo it', async () => {
    await put('a');
    const { cache, told } = follow();
    await cache.synced;
    await until(async () => {
      await put('warm');
      expect(cache.get(keyFor('warm'))).toBeDefined();
    });
    told.length = 0;
    proxy.delayAnswers(600);
    await put('a', 'theirs');
    const took = cache.beforeWrite(keyFor('a'));
    took(await put('a', 'ours'));
    expect(cache.get(keyFor('a'))?.value).toBe('ours');
    await systemClock.sleep(1_200);
    expect(told).toEqual(['a: first → ours']);
    await put('a', 'theirs again');
    await until(() => expect(told).toEqual(['a: first → ours', 'a: ours → theirs again']));
  });

  it('gives way to news that arrived while it was under way', async () => {
    await put('a');
    const { cache } = follow();
    await cache.synced;
    const took = cache.beforeWrite(keyFor('a'));
    const answer = await put('a', 'ours');
    await put('a', 'theirs');
    await until(() => expect(cache.get(keyFor('a'))?.value).toBe('theirs'));
    took(answer);
    expect(cache.get(keyFor('a'))?.value).toBe('theirs');
  });
});

describe('metadata alone', () => {
  it('never brings the data of a Secret into the process', async () => {
    const password = Buffer.from('correct horse').toString('base64');
    const [key = '', label = ''] = mine.split('=');
    const secret = (name: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${name}-${round}`, namespace, labels: { [key]: label } },
      data: { password },
    });
    const apply = { fieldManager: 'others', force: true };
    await others.apply(secretType, secret('listed'), apply);
    const seen: KubeObject[] = [];
    const { cache } = follow({
      type: secretType,
      metadataOnly: true,
      project: (object) => {
        seen.push(object);
        return { resourceVersion: object.metadata.resourceVersion ?? '', value: object.kind };
      },
    });
    await cache.synced;
    await others.apply(secretType, secret('watched'), apply);
    seen.push(await client.apply(secretType, secret('applied'), { ...apply, metadataOnly: true }));
    seen.push(await client.get(secretType, { namespace, name: `listed-${round}` }, { metadataOnly: true }));
    await until(() => expect(cache.size).toBe(3));
    expect(JSON.stringify(seen)).not.toContain(password);
    expect(seen.every(({ metadata }) => metadata.uid)).toBe(true);
    // The counterpart: the same read in full has it.
    expect(JSON.stringify(await client.get(secretType, { namespace, name: `listed-${round}` }))).toContain(
      password,
    );
  });
});

/** A server that has just started remembers no changes from before its start, so no older place can be resumed. */
async function forgetChanges(): Promise<void> {
  await others.create(configMapType, configMap('last', 'first', false));
  await sandbox.host.killApiServer();
  // The kernel may close the dead server's port a moment after the process is gone.
  await until(() => sandbox.host.startApiServer());
}
