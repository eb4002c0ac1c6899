import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.ts';
import {
  type ApiClient,
  createApiClient,
  createEventRecorder,
  elect,
  type KubeObject,
  loadAccess,
  type ResourceType,
  systemClock,
} from '../../src/kube/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';

const leaseType: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
const coreEventType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};
const namespaceType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

let sandbox: Sandbox;
let host: ApiClient;

beforeAll(async () => {
  sandbox = await startSandbox({ name: `lease-${process.pid}`, members: [], hostParts: 'api' });
  const { access } = await loadAccess({ text: sandbox.host.adminKubeconfig });
  host = createApiClient(access);
});

afterAll(async () => {
  await host?.close();
  await sandbox?.down();
});

function compete(identity: string, signal = new AbortController().signal) {
  return elect({
    client: host,
    namespace: 'default',
    name: 'try',
    identity,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    leaseDurationMs: 2_000,
    renewDeadlineMs: 1_500,
    retryPeriodMs: 200,
    signal,
  });
}

const holder = async () => {
  const { spec } = await host.get(leaseType, { namespace: 'default', name: 'try' });
  return spec as { holderIdentity: string; renewTime: string; leaseTransitions: number };
};

describe('leases on a real API server', () => {
  it('pass from one to the next when released, and back when the holder falls silent', async () => {
    const stop = new AbortController();
    const a = await compete('a');
    expect((await holder()).renewTime).toMatch(/\.\d{6}Z$/);
    const waiting = compete('b', stop.signal);
    await systemClock.sleep(3_000);
    expect((await holder()).holderIdentity).toBe('a');
    await a.release();
    const b = await waiting;
    expect(await holder()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });

    // Someone else's write makes the next renewal a conflict; the leader sees that the Lease is still its own.
    await host.patch(
      leaseType,
      { namespace: 'default', name: 'try' },
      { metadata: { annotations: { note: 'kept' } } },
      { type: 'merge' },
    );
    await systemClock.sleep(3_000);
    expect(b.lost.aborted).toBe(false);

    // A holder that died with its lease is succeeded after its own duration.
    await b.release();
    await host.patch(
      leaseType,
      { namespace: 'default', name: 'try' },
      { spec: { holderIdentity: 'dead', leaseDurationSeconds: 2 } },
      { type: 'merge' },
    );
    const before = systemClock.monotonic();
    const c = await compete('c');
    expect(systemClock.monotonic() - before).toBeGreaterThan(2_000);
    await c.release();
    expect((await holder()).holderIdentity).toBe('');
  });
});

describe('events on a real API server', () => {
  const said = {
    type: 'Warning',
    reason: 'CreationFailed',
    action: 'Propagate',
    note: `eu-1: ${'ü'.repeat(1_000)}`,
  } as const;

  async function eventsAbout(namespace: string, uid: string): Promise<readonly KubeObject[]> {
    const found: KubeObject[] = [];
    for await (const page of host.list(coreEventType, { namespace })) found.push(...page.items);
    return found.filter((event) => (event.involvedObject as { uid?: string }).uid === uid);
  }

  it('are accepted, folded into a series, and seen by those who read core events', async () => {
    const recorder = createEventRecorder({
      client: host,
      clock: systemClock,
      component: 'hansa-controller',
      instance: `host-1_${'x'.repeat(200)}`,
      logger: silentLogger,
    });
    const { metadata } = await host.get(namespaceType, { name: 'default' });
    const inNamespace = {
      apiVersion: 'types.kubefed.io/v1beta1',
      kind: 'FederatedDeployment',
      metadata: { namespace: 'default', name: 'web', uid: 'uid-1' },
    };
    recorder.say(inNamespace, said);
    recorder.say({ apiVersion: 'v1', kind: 'Namespace', metadata }, said);
    await recorder.flush();
    for (let i = 0; i < 4; i++) recorder.say(inNamespace, said);
    await recorder.close();

    const [event, ...others] = await eventsAbout('default', 'uid-1');
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      reason: 'CreationFailed',
      type: 'Warning',
      message: expect.stringMatching(/^eu-1: ü+…$/),
      series: { count: 5, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
    });
    // An object without a namespace has its events in the namespace default.
    expect(await eventsAbout('default', metadata.uid ?? '')).toHaveLength(1);
  });
});
