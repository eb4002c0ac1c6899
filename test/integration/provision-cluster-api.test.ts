import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { HansaError, silentLogger } from '../../src/base/index.ts';
import { type ApiClient, type KubeObject, loadAccess, systemClock } from '../../src/kube/index.ts';
import { joinMember } from '../../src/members/join/index.ts';
import {
  ClusterApiRegistration,
  type ClusterApiRegistrationOptions,
} from '../../src/provision/cluster-api/controller.ts';
import { createRegistrar } from '../../src/provision/registration/registrar.ts';
import {
  accountsIn,
  type Federation,
  federation,
  find,
  memberType,
  secretType,
  startFederation,
  typeOf,
} from '../unit/provision/registration/federation.ts';

const crdType = typeOf(
  'apiextensions.k8s.io',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
const clustersName = 'clusters.cluster.x-k8s.io';
const wait = { timeout: 20_000, interval: 50 };

let world: Federation;
let running: { readonly controller: ClusterApiRegistration; stop(): Promise<void> } | undefined;
let count = 0;
let told: string[] = [];

beforeAll(async () => {
  world = await startFederation('cluster-api', ['m1', 'm2']);
});

afterAll(async () => {
  await running?.stop();
  await world?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  told = [];
  await dropCrd();
  for await (const { items } of world.host.list(memberType, { namespace: federation })) {
    for (const { metadata } of items) await registrarOn(world.host).leave(memberAt(metadata.name), quiet());
  }
});

function quiet() {
  return { clock: systemClock, update: () => undefined, signal: AbortSignal.timeout(30_000) };
}

function memberAt(name: string) {
  return { name, kubeconfig: name.endsWith('2') ? world.side('m2').kubeconfig : world.side('m1').kubeconfig };
}

function registrarOn(host: ApiClient) {
  return createRegistrar({ host, namespace: federation, clock: systemClock });
}

function start(host: ApiClient = world.host, more: Partial<ClusterApiRegistrationOptions> = {}) {
  const controller = new ClusterApiRegistration({
    host,
    registrar: registrarOn(host),
    namespace: federation,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    recheckMs: 200,
    goneAfterMs: 300,
    tell: (_, { reason }) => void told.push(reason),
    ...more,
  });
  const root = new AbortController();
  const work = controller.run(root.signal);
  running = {
    controller,
    stop: async () => {
      root.abort();
      await work;
    },
  };
  return running;
}

type Version = 'v1beta1' | 'v1beta2';

function clusterType(version: Version = 'v1beta2') {
  return typeOf('cluster.x-k8s.io', 'Cluster', 'clusters', true, version);
}

/** Cluster API's own CRD says more of its fields, and nothing that matters here. */
async function serveClusters(versions: readonly Version[] = ['v1beta1', 'v1beta2']): Promise<void> {
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  await world.host.apply(
    crdType,
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: clustersName,
        annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
      },
      spec: {
        group: 'cluster.x-k8s.io',
        scope: 'Namespaced',
        names: { kind: 'Cluster', plural: 'clusters', singular: 'cluster', listKind: 'ClusterList' },
        versions: versions.map((name, index) => ({ name, served: true, storage: index === 0, schema })),
      },
    },
    { fieldManager: 'test', force: true },
  );
  await vi.waitFor(async () => {
    for await (const _ of world.host.list(clusterType(versions.at(-1)))) break;
  }, wait);
}

async function dropCrd(): Promise<void> {
  const ref = { name: clustersName };
  if (!(await find(world.host, crdType, ref))) return;
  await world.host.remove(crdType, ref);
  await vi.waitFor(async () => expect(await find(world.host, crdType, ref)).toBeUndefined(), wait);
  await vi.waitFor(async () => {
    const paths = await world.host.raw('/apis');
    expect(paths).not.toContain('cluster.x-k8s.io');
  }, wait);
}

interface ClusterParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly isInitialized?: boolean;
  readonly hasKubeconfig?: boolean;
  readonly isPaused?: boolean;
  readonly version?: Version;
}

/** A Cluster as Cluster API would leave it, and its kubeconfig. */
async function newCluster(parts: ClusterParts = {}) {
  const { labels = { 'provision.hansa.dev/register': 'true' }, version = 'v1beta2' } = parts;
  const { isInitialized = true, hasKubeconfig = true } = parts;
  count += 1;
  const ref = { namespace: 'default', name: `c${count}-1` };
  await world.host.create(clusterType(version), {
    apiVersion: `cluster.x-k8s.io/${version}`,
    kind: 'Cluster',
    metadata: {
      ...ref,
      labels,
      ...(parts.annotations ? { annotations: parts.annotations } : {}),
      ...(parts.finalizers ? { finalizers: parts.finalizers } : {}),
    },
    spec: { paused: parts.isPaused ?? false },
    status: isInitialized
      ? { initialization: { controlPlaneInitialized: true }, controlPlaneReady: true }
      : {},
  });
  if (hasKubeconfig) await putKubeconfig(ref.name);
  return {
    ...ref,
    change: (patch: Parameters<ApiClient['patch']>[2]) =>
      world.host.patch(clusterType(version), ref, patch, { type: 'merge' }),
    remove: () => world.host.remove(clusterType(version), ref),
  };
}

async function putKubeconfig(cluster: string, type = 'cluster.x-k8s.io/secret'): Promise<void> {
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'default', name: `${cluster}-kubeconfig` },
    type,
    data: { value: Buffer.from(world.side('m1').kubeconfig).toString('base64') },
  };
  await world.host.create(secretType, secret);
}

async function becomesMember(name: string): Promise<KubeObject> {
  return vi.waitFor(async () => {
    const found = await world.member(name);
    // The last write of a registration.
    expect(found?.metadata.annotations).toHaveProperty('provision.hansa.dev/registered-labels');
    return found as KubeObject;
  }, wait);
}

async function leaves(name: string): Promise<boolean> {
  return vi.waitFor(async () => {
    expect(await world.member(name)).toBeUndefined();
    expect(
      await find(world.host, secretType, { namespace: federation, name: `${name}-member-token` }),
    ).toBeUndefined();
    return true;
  }, wait);
}

/** Long enough for anything that was to happen by mistake. */
async function staysMember(name: string): Promise<boolean> {
  await systemClock.sleep(1_500);
  return (await world.member(name)) !== undefined;
}

describe('Clusters of Cluster API', () => {
  it('are waited for where their kind is not served, and registered when it comes', async () => {
    const { controller } = start();
    await systemClock.sleep(500);
    expect(controller.isWatching).toBe(false);
    await serveClusters();
    const cluster = await newCluster({
      annotations: { 'provision.hansa.dev/register-labels': 'region=eu,tier=gold' },
    });
    const member = await becomesMember(cluster.name);
    expect(member.metadata.labels).toMatchObject({
      region: 'eu',
      tier: 'gold',
      'provision.hansa.dev/registered-by': 'ClusterAPI',
      'provision.hansa.dev/registered-namespace': 'default',
      'provision.hansa.dev/registered-name': cluster.name,
    });
    await vi.waitFor(() => expect(told).toEqual(['Registered']));
  });

  it('are read in v1beta1 where there is no other', async () => {
    await serveClusters(['v1beta1']);
    start();
    const cluster = await newCluster({ version: 'v1beta1' });
    expect(await becomesMember(cluster.name)).toBeDefined();
  });

  it('are registered with the first label, the first control plane and the kubeconfig, in any order', async () => {
    await serveClusters();
    start(world.host);
    const cluster = await newCluster({ labels: {}, isInitialized: false });
    await cluster.change({ metadata: { labels: { 'provision.hansa.dev/register': 'true' } } });
    await systemClock.sleep(500);
    expect(await world.member(cluster.name)).toBeUndefined();
    await cluster.change({ status: { initialization: { controlPlaneInitialized: true } } });
    await becomesMember(cluster.name);
  });

  it('are not registered with a kubeconfig that somebody else made', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster({ hasKubeconfig: false });
    await putKubeconfig(cluster.name, 'Opaque');
    await cluster.change({ metadata: { labels: { again: 'yes' } } });
    await systemClock.sleep(800);
    expect(await world.member(cluster.name)).toBeUndefined();
  });

  it('follow their annotation', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster({
      annotations: { 'provision.hansa.dev/register-labels': 'region=eu,tier=gold' },
    });
    await becomesMember(cluster.name);
    await cluster.change({
      metadata: { annotations: { 'provision.hansa.dev/register-labels': 'region=us' } },
    });
    await vi.waitFor(async () => {
      const labels = (await world.member(cluster.name))?.metadata.labels;
      expect(labels?.['region']).toBe('us');
      expect(labels).not.toHaveProperty('tier');
    }, wait);
  });

  it('leave with their label, and their account with them', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster();
    await becomesMember(cluster.name);
    await cluster.change({ metadata: { labels: { 'provision.hansa.dev/register': null } } });
    expect(await leaves(cluster.name)).toBe(true);
    expect(await accountsIn(world.side('m1'))).not.toContain(cluster.name);
    await vi.waitFor(() => expect(told).toEqual(['Registered', 'Unregistered']));
  });

  it('leave when they are being deleted, also without a kubeconfig', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster({ finalizers: ['cluster.cluster.x-k8s.io/test'] });
    await becomesMember(cluster.name);
    await world.host.remove(secretType, { namespace: 'default', name: `${cluster.name}-kubeconfig` });
    await cluster.remove();
    expect(await leaves(cluster.name)).toBe(true);
    const seen = await find(world.host, clusterType(), cluster);
    expect(seen?.metadata.finalizers).toEqual(['cluster.cluster.x-k8s.io/test']);
    await cluster.change({ metadata: { finalizers: null } });
  });

  it('leave when they went while nobody looked', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster();
    await becomesMember(cluster.name);
    await running?.stop();
    await cluster.remove();
    start();
    expect(await leaves(cluster.name)).toBe(true);
  });

  it('stay members when they go while they are paused', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster();
    await becomesMember(cluster.name);
    await cluster.change({ spec: { paused: true } });
    await systemClock.sleep(300);
    await cluster.remove();
    expect(await staysMember(cluster.name)).toBe(true);
  });

  it('stay members when the whole kind goes, or can not be read', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster();
    await becomesMember(cluster.name);
    await dropCrd();
    expect(await staysMember(cluster.name)).toBe(true);
    await running?.stop();
    start(refusing(world.host));
    await serveClusters();
    expect(await staysMember(cluster.name)).toBe(true);
  });

  it('do not touch the member that a person joined', async () => {
    await serveClusters();
    const cluster = await newCluster();
    const { client, kubeconfig } = world.side('m1');
    await joinMember({
      hostClient: world.host,
      memberClient: client,
      memberAccess: (await loadAccess({ text: kubeconfig })).access,
      name: cluster.name,
      namespace: federation,
      hostName: 'host',
      clock: systemClock,
    });
    start();
    await vi.waitFor(() => expect(told).toEqual(['JoinedByHand']), wait);
    await cluster.change({ metadata: { labels: { 'provision.hansa.dev/register': null } } });
    await cluster.remove();
    expect(await staysMember(cluster.name)).toBe(true);
  });

  it('leave to the end when the controller died half way', async () => {
    await serveClusters();
    start();
    const cluster = await newCluster();
    await becomesMember(cluster.name);
    await running?.stop();
    // It dies with the KubeFedCluster gone, and the account and the Secret still there.
    start(diesAfterRemovalOf(world.host, 'kubefedclusters'));
    await cluster.change({ metadata: { labels: { 'provision.hansa.dev/register': null } } });
    await vi.waitFor(async () => expect(await world.member(cluster.name)).toBeUndefined(), wait);
    await running?.stop();
    expect(await accountsIn(world.side('m1'))).toContain(cluster.name);
    start();
    expect(await leaves(cluster.name)).toBe(true);
    expect(await accountsIn(world.side('m1'))).not.toContain(cluster.name);
  });
});

/** A host that does not let Clusters be read any more. */
function refusing(client: ApiClient): ApiClient {
  const forbidden = () => new HansaError('clusters are forbidden', { reason: 'Forbidden' });
  return new Proxy(client, {
    get: (target, name: keyof ApiClient) => {
      const value: unknown = target[name];
      if (typeof value !== 'function' || !['get', 'list', 'watch'].includes(name)) return value;
      return (type: { readonly plural: string }, ...rest: readonly unknown[]) => {
        if (type.plural !== 'clusters') return Reflect.apply(value, target, [type, ...rest]) as unknown;
        throw forbidden();
      };
    },
  });
}

/** A process that is dead for the host as soon as it has removed one of these. */
function diesAfterRemovalOf(client: ApiClient, plural: string): ApiClient {
  let isDead = false;
  const asked = ['get', 'create', 'patch', 'apply', 'remove', 'replace', 'list'];
  return new Proxy(client, {
    get: (target, name: keyof ApiClient) => {
      const value: unknown = target[name];
      if (typeof value !== 'function' || !asked.includes(name)) return value;
      return (type: { readonly plural: string }, ...rest: readonly unknown[]) => {
        if (isDead) throw new HansaError('killed by the test', { reason: 'Killed' });
        isDead = name === 'remove' && type.plural === plural;
        return Reflect.apply(value, target, [type, ...rest]) as unknown;
      };
    },
  });
}
