import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubeClusterAddress } from '../../src/api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  kubeOperationAddress,
  type KubeOperationStatus,
} from '../../src/api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { HansaError, silentLogger } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  type KubeObject,
  loadAccess,
  type ResourceType,
  secretType,
  systemClock,
} from '../../src/kube/index.ts';
import { openIntents } from '../../src/provision/plan/journal.ts';
import { type CrClusterStoreOptions, crClusterStore } from '../../src/provision/store/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { record } from '../unit/provision/store/builders.ts';
import { installProvisionKinds } from '../support/provision-kinds.ts';

const never = new AbortController().signal;
const lease = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 250 };

let sandbox: Sandbox;
let host: ApiClient;
let count = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `provision-store-${process.pid}`, members: [], hostParts: 'api' });
  host = createApiClient((await loadAccess({ text: sandbox.host.adminKubeconfig })).access);
  await installProvisionKinds(host);
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

/** A store of a cluster of its own, and what it needs. */
async function newCluster(options: Partial<CrClusterStoreOptions> = {}) {
  count += 1;
  const key = { namespace: 'default', name: `shop${count}` };
  await host.create(kubeClusterAddress, {
    apiVersion: 'provision.hansa.dev/v1alpha1',
    kind: 'KubeCluster',
    metadata: key,
    spec: { version: '1.36.3' },
  });
  const open = (more: Partial<CrClusterStoreOptions> = {}) =>
    crClusterStore({
      client: host,
      key,
      clock: systemClock,
      rng: Math.random,
      logger: silentLogger,
      lease,
      ...options,
      ...more,
    });
  return { key, open, store: open() };
}

async function operationsOf(cluster: string) {
  const found: (KubeObject & { status?: KubeOperationStatus })[] = [];
  for await (const { items } of host.list<KubeObject & { status?: KubeOperationStatus }>(
    kubeOperationAddress,
  )) {
    found.push(...items.filter(({ spec }) => (spec as { clusterName: string }).clusterName === cluster));
  }
  return found;
}

/** The real server, but that some writes of status end as told. */
function failing(outcome: (call: number) => 'before' | 'after' | undefined, error: HansaError): ApiClient {
  let calls = 0;
  return new Proxy(host, {
    get: (target, name: keyof ApiClient) => {
      if (name !== 'patch') return target[name];
      return async (...args: Parameters<ApiClient['patch']>) => {
        calls += 1;
        const when = outcome(calls);
        if (when === 'before') throw error;
        const answer = await target.patch(...args);
        if (when === 'after') throw error;
        return answer;
      };
    },
  });
}

describe('the journal on a real API server', () => {
  it('is there for the next process, in its order, one KubeOperation a run', async () => {
    const { key, store, open } = await newCluster();
    await using _ = await store.lock('controller-a', never);
    const records = [
      record({ operation: 'run-2', event: 'intent', evidence: { peerUrl: 'https://10.0.0.2:2380' } }),
      record({ operation: 'run-2', event: 'started' }),
      record({ operation: 'run-2', event: 'failed', message: 'no answer' }),
      record({ operation: 'run-1', event: 'done', attempt: 2 }),
    ];
    for (const each of records) await store.append(each);
    expect(await open().journal()).toEqual(records);
    const operations = await operationsOf(key.name);
    expect(operations.map(({ metadata, spec }) => [metadata.name, (spec as { type: string }).type])).toEqual([
      [`${key.name}-run-1`, 'Apply'],
      [`${key.name}-run-2`, 'Apply'],
    ]);
  });

  it('takes records that are given at once one after the other', async () => {
    const { store, open } = await newCluster();
    await Promise.all(Array.from({ length: 10 }, (_, index) => store.append(record({ attempt: index + 1 }))));
    expect((await open().journal()).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('of an operation that a person asked for stands in their KubeOperation, and an approval in between is no trouble', async () => {
    const { key, store } = await newCluster();
    const name = `${key.name}-upgrade`;
    await host.create(kubeOperationAddress, {
      apiVersion: 'provision.hansa.dev/v1alpha1',
      kind: 'KubeOperation',
      metadata: { name, namespace: key.namespace },
      spec: { clusterName: key.name, type: 'Upgrade', version: '1.37.2' },
    });
    await store.append(record({ operation: name }));
    await host.patch(kubeOperationAddress, { ...key, name }, { spec: { approved: true } }, { type: 'merge' });
    await store.append(record({ operation: name, event: 'done' }));
    const [operation, ...others] = await operationsOf(key.name);
    expect(others).toEqual([]);
    expect(operation?.status?.journal?.map(({ event }) => event)).toEqual(['started', 'done']);
    expect(operation?.spec).toMatchObject({ approved: true });
  });

  it.each([
    [429, new HansaError('too many requests', { reason: 'TooManyRequests', retry: { afterMs: 1_000 } })],
    [500, new HansaError('etcd is away', { reason: 'ServerError' })],
    ['no answer', new HansaError('no answer', { reason: 'Timeout' })],
  ])(
    'that is not taken (%s) says so, so that the step does not start; afterwards it goes on',
    async (_, error) => {
      const { key, open } = await newCluster();
      // Call 1 numbers the operation.
      const store = open({ client: failing((call) => (call === 3 ? 'before' : undefined), error) });
      await store.append(record({ event: 'intent' }));
      await expect(store.append(record({ event: 'started' }))).rejects.toMatchObject({
        reason: error.reason,
        message: expect.stringContaining(
          'the journal did not take "started" of step m1/join-control-plane, so nothing was done',
        ),
      });
      expect(await open().journal()).toHaveLength(1);
      await store.append(record({ event: 'failed' }));
      expect((await operationsOf(key.name))[0]?.status?.journal?.map(({ event }) => event)).toEqual([
        'intent',
        'failed',
      ]);
    },
  );

  it('that was taken without an answer goes on behind that record', async () => {
    const { open } = await newCluster();
    const error = new HansaError('the connection broke', { reason: 'Unreachable' });
    const store = open({ client: failing((call) => (call === 3 ? 'after' : undefined), error) });
    await store.append(record({ event: 'intent' }));
    await expect(store.append(record({ event: 'started' }))).rejects.toMatchObject({ reason: 'Unreachable' });
    await store.append(record({ event: 'failed' }));
    expect((await open().journal()).map(({ event }) => event)).toEqual(['intent', 'started', 'failed']);
  });

  it('that a second writer wrote into takes nothing from the first any more', async () => {
    const { store, open } = await newCluster();
    await store.append(record({ event: 'intent' }));
    await open().append(record({ event: 'interrupted' }));
    await expect(store.append(record({ event: 'done' }))).rejects.toMatchObject({
      reason: 'JournalConflict',
    });
    expect((await open().journal()).map(({ event }) => event)).toEqual(['intent', 'interrupted']);
  });

  it('is bounded, but never loses an open intent', async () => {
    const { key, open } = await newCluster({ keptOperations: 3 });
    const store = open();
    await store.append(record({ operation: 'run-0', step: 'm1/join', event: 'intent' }));
    await store.append(record({ operation: 'run-0', step: 'm2/join', event: 'intent' }));
    for (let run = 1; run <= 6; run += 1) {
      await store.append(record({ operation: `run-${run}`, step: 'm2/join', event: 'done' }));
    }
    const operations = await operationsOf(key.name);
    expect(operations.map(({ metadata }) => metadata.name.slice(key.name.length + 1))).toEqual([
      'run-0',
      'run-4',
      'run-5',
      'run-6',
    ]);
    const journal = await open().journal();
    expect(openIntents(journal).map(({ step }) => step)).toEqual(['m1/join']);
    expect(journal).toHaveLength(4);
  });

  it('stays with the cluster it belongs to', async () => {
    const [one, two] = [await newCluster(), await newCluster()];
    await one.store.append(record({ operation: 'run' }));
    await two.store.append(record({ operation: 'run', event: 'done' }));
    expect((await one.open().journal()).map(({ event }) => event)).toEqual(['started']);
    expect((await two.open().journal()).map(({ event }) => event)).toEqual(['done']);
  });
});

describe('the lock of a cluster on a real API server', () => {
  it('is refused to the second with the owner and the age, and free when the first is done', async () => {
    const { store, open } = await newCluster();
    const first = await store.lock('controller-a', never);
    await expect(open().lock('anna@laptop', never)).rejects.toMatchObject({
      reason: 'Locked',
      message: expect.stringMatching(
        /is being changed by controller-a, for \d+ s \(Lease default\/shop\d+-provision\): wait/,
      ),
    });
    await first[Symbol.asyncDispose]();
    await using second = await open().lock('anna@laptop', never);
    expect(second.lost.aborted).toBe(false);
  });

  it('that was lost lets nothing be written any more', async () => {
    const { key, store } = await newCluster();
    await using lock = await store.lock('controller-a', never);
    const leases: ResourceType = {
      group: 'coordination.k8s.io',
      version: 'v1',
      kind: 'Lease',
      plural: 'leases',
      namespaced: true,
    };
    await host.patch(
      leases,
      { namespace: key.namespace, name: `${key.name}-provision` },
      { spec: { holderIdentity: 'thief' } },
      { type: 'merge' },
    );
    await vi.waitFor(() => expect(lock.lost.aborted).toBe(true), { timeout: 5_000 });
    const lost = { reason: 'LockLost' };
    await expect(store.append(record())).rejects.toMatchObject(lost);
    await expect(store.secrets.put(`${key.name}-ca`, {})).rejects.toMatchObject(lost);
    await expect(store.tellCluster({ phase: 'Ready' })).rejects.toMatchObject(lost);
    expect(await store.journal()).toEqual([]);
  });

  it('is not waited for by one who was told to stop', async () => {
    const { store, open } = await newCluster();
    await using _ = await store.lock('controller-a', never);
    await expect(open().lock('b', AbortSignal.timeout(200))).rejects.toMatchObject({ reason: 'Cancelled' });
  });
});

describe('secrets of a cluster on a real API server', () => {
  it("are Secrets, those of the PKI with Cluster API's names, type and label", async () => {
    const { key, store, open } = await newCluster();
    const values = { 'tls.crt': 'certificate', 'tls.key': 'clé privée' };
    for (const part of ['ca', 'etcd', 'proxy', 'sa', 'kubeconfig']) {
      await store.secrets.put(`${key.name}-${part}`, values);
      expect(await host.get(secretType, { ...key, name: `${key.name}-${part}` })).toMatchObject({
        type: 'cluster.x-k8s.io/secret',
        metadata: {
          labels: { 'cluster.x-k8s.io/cluster-name': key.name, 'provision.hansa.dev/cluster': key.name },
        },
      });
    }
    expect(await open().secrets.get(`${key.name}-ca`)).toEqual(values);
    await store.secrets.put(`${key.name}-ca`, { 'tls.crt': 'another' });
    expect(await open().secrets.get(`${key.name}-ca`)).toEqual({ 'tls.crt': 'another' });
    await store.secrets.remove(`${key.name}-ca`);
    await store.secrets.remove(`${key.name}-ca`);
    expect(await open().secrets.get(`${key.name}-ca`)).toBeUndefined();
  });

  it('of users keep the type they were made with', async () => {
    const { key, store } = await newCluster();
    const name = `${key.name}-ssh`;
    await host.create(secretType, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...key, name },
      type: 'provision.hansa.dev/ssh-credential',
      stringData: { password: 'a' },
    });
    await store.secrets.put(name, { password: 'b' });
    expect(await host.get(secretType, { ...key, name })).toMatchObject({
      type: 'provision.hansa.dev/ssh-credential',
    });
    expect(await store.secrets.get(name)).toEqual({ password: 'b' });
  });
});

describe('what is told of a cluster and its operations', () => {
  it('is written when it changed, and not again', async () => {
    const { key, store } = await newCluster();
    const status = { phase: 'Ready', controlPlane: { desired: 3, ready: 3 } } as const;
    await store.tellCluster(status);
    const first = await host.get(kubeClusterAddress, key);
    expect(first).toMatchObject({ status });
    await store.tellCluster(status);
    expect((await host.get(kubeClusterAddress, key)).metadata.resourceVersion).toBe(
      first.metadata.resourceVersion,
    );

    await store.append(record());
    await store.tell('op-1', {
      phase: 'Completed',
      message: 'all is as it should be',
      completedAt: '2026-01-01T00:00:00Z',
    });
    await store.append(record({ event: 'done' }));
    expect((await operationsOf(key.name))[0]).toMatchObject({
      status: { phase: 'Completed', journal: [{ event: 'started' }, { event: 'done' }] },
    });
  });
});
