import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HansaError, silentLogger } from '../../src/base/index.ts';
import { type ApiClient, loadAccess, systemClock } from '../../src/kube/index.ts';
import { joinMember } from '../../src/members/join/index.ts';
import type { Executor, StepContext } from '../../src/provision/engine/executor.ts';
import type { Step } from '../../src/provision/plan/steps.ts';
import { createRegistrar, type FederationRegistrar } from '../../src/provision/registration/registrar.ts';
import { registrationSteps } from '../../src/provision/registration/steps.ts';
import { withServer, selfContainedKubeconfig } from '../../src/provision/registration/kubeconfig.ts';
import {
  accountsIn,
  type Federation,
  federation,
  memberType,
  secretType,
  startFederation,
} from '../unit/provision/registration/federation.ts';

const never = new AbortController().signal;
let world: Federation;
let registrar: FederationRegistrar;

beforeAll(async () => {
  world = await startFederation('registration', ['m1', 'm2']);
  registrar = registrarOn(world.host);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const name of ['m1', 'm2']) {
    for (const member of ['shop', 'depot']) {
      await registrar
        .leave({ name: member, kubeconfig: world.side(name).kubeconfig }, { ...quiet, signal: never })
        .catch((error: unknown) => {
          if (!(error instanceof HansaError) || error.reason !== 'WrongCluster') throw error;
        });
    }
  }
});

const quiet = { clock: systemClock, update: () => undefined };

function registrarOn(host: ApiClient): FederationRegistrar {
  return createRegistrar({ host, namespace: federation, clock: systemClock });
}

interface Situation {
  readonly cluster?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly isDown?: boolean;
  readonly registrar?: FederationRegistrar;
}

/** What a run of the engine comes to for one step, seen from the step. */
async function work(kind: 'register-member' | 'unregister-member', situation: Situation = {}) {
  const { cluster = 'm1', labels = { region: 'eu' }, namespace = 'clusters', isDown = false } = situation;
  const { kubeconfig } = world.side(cluster);
  const server = new URL((await loadAccess({ text: kubeconfig })).access.server);
  const executor: Executor = registrationSteps(situation.registrar ?? registrar)[kind];
  const step = { id: `cluster/${kind}`, kind, machine: undefined, inputs: { labels } } as unknown as Step;
  const notes: Record<string, string> = {};
  const context = {
    cluster: {
      name: 'shop',
      namespace,
      machines: [],
      endpoint: {
        mode: 'External',
        host: server.hostname,
        port: Number(server.port),
        virtualRouterId: undefined,
      },
    },
    sight: { kind: 'absent' },
    secrets: {
      get: (name: string) => Promise.resolve(name === 'shop-kubeconfig' ? { value: kubeconfig } : undefined),
    },
    healthyControlPlane: () =>
      isDown
        ? Promise.reject(new HansaError('no API server answers', { reason: 'NoControlPlane' }))
        : Promise.resolve({ spec: { name: 'm1' } }),
    note: (more: Readonly<Record<string, string>>) => void Object.assign(notes, more),
    update: () => undefined,
    clock: systemClock,
    logger: silentLogger,
    signal: never,
  } as unknown as StepContext;
  const seen = await executor.observe(context, step);
  if (seen.kind === 'todo') {
    await executor.apply(context, step);
    await executor.verify(context, step);
  }
  return { seen: seen.kind, notes };
}

async function labelsOf(member: string) {
  return (await world.member(member))?.metadata.labels ?? {};
}

describe('a cluster that asks to be registered', () => {
  it('is a member, with its labels and where it came from', async () => {
    await work('register-member', { labels: { region: 'eu', tier: 'gold' } });
    expect(await labelsOf('shop')).toEqual({
      region: 'eu',
      tier: 'gold',
      'provision.hansa.dev/registered-by': 'KubeCluster',
      'provision.hansa.dev/registered-namespace': 'clusters',
      'provision.hansa.dev/registered-name': 'shop',
    });
    expect(await accountsIn(world.side('m1'))).toEqual(['shop']);
  });

  it('is left as it is when it is a member already', async () => {
    await work('register-member');
    const before = await world.member('shop');
    expect((await work('register-member')).seen).toBe('done');
    expect((await world.member('shop'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
  });

  it('loses the labels that its spec gives no more, and keeps those of a person', async () => {
    await work('register-member', { labels: { region: 'eu', tier: 'gold' } });
    const ref = { namespace: federation, name: 'shop' };
    await world.host.patch(memberType, ref, { metadata: { labels: { owner: 'anna' } } }, { type: 'merge' });
    await work('register-member', { labels: { region: 'us' } });
    const labels = await labelsOf('shop');
    expect(labels).toMatchObject({ region: 'us', owner: 'anna' });
    expect(labels).not.toHaveProperty('tier');
  });

  it('goes on from wherever it broke off', async () => {
    let brokeOff = 0;
    for (let nth = 1; ; nth += 1) {
      const dying = registrarOn(diesAt(world.host, nth));
      const outcome = await work('register-member', { registrar: dying }).catch((error: unknown) => error);
      if (!(outcome instanceof HansaError)) break;
      expect(outcome.reason).toBe('Killed');
      brokeOff += 1;
      await work('register-member');
      expect((await work('register-member')).seen).toBe('done');
      await work('unregister-member');
    }
    expect(brokeOff).toBeGreaterThan(5);
  });

  it('is told who has its name', async () => {
    await work('register-member', { cluster: 'm2' });
    await expect(work('register-member', { cluster: 'm1', labels: { region: 'us' } })).rejects.toThrow(
      /the name "shop" belongs to another cluster/,
    );
    expect(await labelsOf('shop')).toMatchObject({ region: 'eu' });
  });

  it('takes over what a person had joined', async () => {
    await joinByHand();
    await work('register-member');
    expect(await labelsOf('shop')).toMatchObject({ 'provision.hansa.dev/registered-name': 'shop' });
  });

  it('is reached by the first address that answers', async () => {
    const stored = selfContainedKubeconfig(world.side('m1').kubeconfig, 'shop');
    const closed = withServer(stored, 'https://127.0.0.1:1');
    expect(await registrar.reachable('shop', [closed, stored], never)).toBe(stored);
    await expect(registrar.reachable('shop', [closed], never)).rejects.toThrow(
      /the host can't reach the API of shop.*https:\/\/127\.0\.0\.1:1 refuses connections/,
    );
  });
});

describe('a cluster that is unregistered', () => {
  it('leaves nothing behind, on the host or in itself', async () => {
    await work('register-member');
    await work('unregister-member');
    expect(await world.member('shop')).toBeUndefined();
    expect(await secretsOf('shop')).toEqual([]);
    expect(await accountsIn(world.side('m1'))).toEqual([]);
  });

  it('has nothing to do where it is no member', async () => {
    expect((await work('unregister-member')).seen).toBe('done');
  });

  it('goes on from wherever it broke off', async () => {
    let brokeOff = 0;
    for (let nth = 1; ; nth += 1) {
      await work('register-member');
      const dying = registrarOn(diesAt(world.host, nth));
      const outcome = await work('unregister-member', { registrar: dying }).catch((error: unknown) => error);
      await work('unregister-member');
      expect({ left: await secretsOf('shop'), accounts: await accountsIn(world.side('m1')) }).toEqual({
        left: [],
        accounts: [],
      });
      if (!(outcome instanceof HansaError)) break;
      brokeOff += 1;
    }
    expect(brokeOff).toBeGreaterThan(4);
  });

  it('goes from the host though none of its API servers answers any more', async () => {
    await work('register-member');
    const { notes } = await work('unregister-member', { isDown: true });
    expect(await world.member('shop')).toBeUndefined();
    expect(notes['account']).toMatch(/left in the cluster/);
  });

  it.each([
    ['that a person joined', () => joinByHand()],
    ['of the same name in another namespace', () => work('register-member', { namespace: 'other' })],
  ])('does not take out the member %s', async (_, make) => {
    await make();
    expect((await work('unregister-member')).seen).toBe('done');
    expect(await world.member('shop')).toBeDefined();
  });
});

async function joinByHand(): Promise<void> {
  const { client, kubeconfig } = world.side('m1');
  await joinMember({
    hostClient: world.host,
    memberClient: client,
    memberAccess: (await loadAccess({ text: kubeconfig })).access,
    name: 'shop',
    namespace: federation,
    hostName: 'host',
    clock: systemClock,
  });
}

async function secretsOf(member: string): Promise<readonly string[]> {
  const found: string[] = [];
  const labelSelector = `hansa.dev/joined-as=${member}`;
  for await (const { items } of world.host.list(secretType, { namespace: federation, labelSelector })) {
    found.push(...items.map(({ metadata }) => metadata.name));
  }
  return found;
}

/** From its nth call on the process is dead; of every second death, the last call still arrived. */
function diesAt(client: ApiClient, nth: number): ApiClient {
  let calls = 0;
  const killed = () => new HansaError('killed by the test', { reason: 'Killed', retry: 'never' });
  const asked = ['get', 'create', 'patch', 'apply', 'remove', 'replace'];
  return new Proxy(client, {
    get: (target, name: keyof ApiClient) => {
      const value: unknown = target[name];
      if (typeof value !== 'function' || !asked.includes(name)) return value;
      return async (...args: readonly unknown[]) => {
        calls += 1;
        if (calls > nth || (calls === nth && nth % 2 === 1)) throw killed();
        const answer: unknown = await Reflect.apply(value, target, args);
        if (calls === nth) throw killed();
        return answer;
      };
    },
  });
}
