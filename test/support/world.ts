import { randomUUID } from 'node:crypto';
import { parseAllDocuments } from 'yaml';
import { addressOf, federatedGroups, federatedKinds } from '../../src/api/federated-kinds.ts';
import { silentLogger } from '../../src/base/index.ts';
import { installHost, readCrds, readPolicies } from '../../src/cli/commands/install.ts';
import {
  type Access,
  type ApiClient,
  createApiClient,
  type KubeMetrics,
  type KubeObject,
  loadAccess,
  noMetrics,
  type ResourceType,
  systemClock,
} from '../../src/kube/index.ts';
import { type ControlPlane as Hansa, createControlPlane } from '../../src/main/control-plane.ts';
import { joinMember } from '../../src/members/join/index.ts';
import type { WebhookAddress } from '../../src/rollout/index.ts';
import { defaultHealthCheck, type HealthCheckOptions } from '../../src/members/index.ts';
import {
  type ControlPlane,
  type MemberSpec,
  type SandboxOptions,
  startSandbox,
} from '../../src/sandbox/index.ts';

export const hansaNamespace = 'kube-federation-system';

/** Kinds that tests read and write, by kind; federated ones of today's group, `2019/Kind` for the older one. */
export const types: Readonly<Record<string, ResourceType>> = Object.fromEntries([
  ...(
    [
      ['', 'v1', 'Namespace', 'namespaces', false],
      ['', 'v1', 'ConfigMap', 'configmaps', true],
      ['', 'v1', 'Secret', 'secrets', true],
      ['', 'v1', 'Service', 'services', true],
      ['', 'v1', 'Pod', 'pods', true],
      ['', 'v1', 'Node', 'nodes', false],
      ['apps', 'v1', 'Deployment', 'deployments', true],
      ['apps', 'v1', 'StatefulSet', 'statefulsets', true],
      ['rollout.hansa.dev', 'v1alpha1', 'Rollout', 'rollouts', true],
      ['rollout.hansa.dev', 'v1alpha1', 'RolloutPolicy', 'rolloutpolicies', true],
      ['rollout.hansa.dev', 'v1alpha1', 'RolloutRevision', 'rolloutrevisions', true],
      ['shipper.booking.com', 'v1alpha1', 'Application', 'applications', true],
      ['shipper.booking.com', 'v1alpha1', 'RolloutBlock', 'rolloutblocks', true],
      ['core.kubefed.io', 'v1beta1', 'KubeFedCluster', 'kubefedclusters', true],
      [
        'scheduling.kubefed.io',
        'v1alpha1',
        'ReplicaSchedulingPreference',
        'replicaschedulingpreferences',
        true,
      ],
    ] as const
  ).map(([group, version, kind, plural, namespaced]) => [kind, { group, version, kind, plural, namespaced }]),
  ...federatedKinds.flatMap((row) => [
    [row.federatedKind, addressOf(row, federatedGroups.current)],
    [`2019/${row.federatedKind}`, addressOf(row, federatedGroups.legacy)],
  ]),
  [
    '2019/ReplicaSchedulingPreference',
    {
      group: 'scheduling.federation.k8s.io',
      version: 'v1alpha1',
      kind: 'ReplicaSchedulingPreference',
      plural: 'replicaschedulingpreferences',
      namespaced: true,
    },
  ],
]);

export function typeOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): ResourceType {
  const found = types[apiVersion.includes('federation.k8s.io') ? `2019/${kind}` : kind];
  if (!found) throw new Error(`the tests know no ${kind}`);
  return found;
}

export interface WorldOptions extends Pick<SandboxOptions, 'parts' | 'hostParts' | 'nodesPerMember'> {
  readonly members: readonly MemberSpec[];
  readonly healthCheck?: HealthCheckOptions;
  /** Let the host add finalizers, as `hansa install` does where it can. Default false: the controller's own way. */
  readonly finalizerPolicy?: boolean;
  /** Start Hansa at once. Default true. */
  readonly running?: boolean;
}

export interface MemberHandle extends ControlPlane {
  readonly client: ApiClient;
}

export interface RunningHansa {
  readonly plane: Hansa;
  /** Calls made so far, by server (`host` or a member) and verb. */
  readonly calls: ReadonlyMap<string, number>;
  /** Writes made so far to one server, or to all members. */
  writesTo(server: string): number;
  stop(): Promise<void>;
}

export interface HansaParts {
  readonly healthCheck?: HealthCheckOptions;
  /** How a member is reached. */
  readonly connect?: (name: string, access: Access, metrics: KubeMetrics) => ApiClient;
  /** What Hansa sees of the host; the test itself goes on with the real one. */
  readonly host?: ApiClient;
  /** Where members reach the webhook of Gated rollouts. */
  readonly webhook?: WebhookAddress;
}

export interface World extends AsyncDisposable {
  readonly host: ControlPlane & { readonly client: ApiClient };
  readonly members: readonly MemberHandle[];
  member(name: string): MemberHandle;
  /** The Hansa that runs, if one does. */
  readonly hansa: RunningHansa;
  /** Starts Hansa; a part of it, or of what it sees, may be put in place of the usual. */
  start(parts?: HansaParts): Promise<RunningHansa>;
  apply(object: KubeObject | string): Promise<void>;
  get<T = KubeObject>(kind: string, name: string, namespace?: string): Promise<(KubeObject & T) | undefined>;
  remove(kind: string, name: string, namespace?: string): Promise<void>;
  /** A namespace that is federated to all members. */
  namespace(): Promise<string>;
  /** Waits until Hansa has nothing more to do. */
  settled(): Promise<void>;
  down(): Promise<void>;
}

const writeVerbs = ['apply', 'patch', 'create', 'update', 'delete'];

/** Real API servers with Hansa's CRDs, joined members and Hansa itself in this process. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const {
    members: specs,
    healthCheck = quickHealthCheck,
    running = true,
    finalizerPolicy = false,
    ...sandboxOptions
  } = options;
  const sandbox = await startSandbox({
    name: `test-${randomUUID().slice(0, 8)}`,
    members: specs,
    ...sandboxOptions,
  });
  try {
    const host = Object.assign(sandbox.host, { client: await adminOf(sandbox.host) });
    const members: MemberHandle[] = await Promise.all(
      sandbox.members.map(async (each) => Object.assign(each, { client: await adminOf(each) })),
    );
    await installHost({
      hostClient: host.client,
      namespace: hansaNamespace,
      crds: await readCrds(),
      policies: finalizerPolicy ? await readPolicies() : [],
      clock: systemClock,
    });
    await Promise.all(members.map((member) => join(host.client, member)));
    const world = worldOf(host, members, healthCheck, () => sandbox.down());
    if (running) await world.start();
    return world;
  } catch (error) {
    await sandbox.down();
    throw error;
  }
}

/** Tests can't wait half a minute for a verdict. */
export const quickHealthCheck: HealthCheckOptions = {
  ...defaultHealthCheck,
  periodMs: 400,
  timeoutMs: 1_500,
  failureThreshold: 2,
};

async function adminOf({ adminKubeconfig }: ControlPlane): Promise<ApiClient> {
  return createApiClient((await loadAccess({ text: adminKubeconfig })).access);
}

async function join(hostClient: ApiClient, member: MemberHandle): Promise<void> {
  const { region, labels, alias } = member.spec ?? {};
  await joinMember({
    hostClient,
    memberClient: member.client,
    memberAccess: (await loadAccess({ text: member.adminKubeconfig })).access,
    name: member.name,
    namespace: hansaNamespace,
    hostName: 'host',
    labels: { ...(region ? { region } : {}), ...labels },
    ...(alias ? { alias } : {}),
    clock: systemClock,
  });
}

function worldOf(
  host: World['host'],
  members: readonly MemberHandle[],
  healthCheck: HealthCheckOptions,
  endSandbox: () => Promise<void>,
): World {
  let current: RunningHansa | undefined;
  let namespaces = 0;
  const world: World = {
    host,
    members,
    member: (name) => {
      const found = members.find((each) => each.name === name);
      if (!found) throw new Error(`no member ${name}`);
      return found;
    },
    get hansa() {
      if (!current) throw new Error('Hansa does not run');
      return current;
    },
    start: async (parts = {}) => {
      current = await startHansa(parts.host ?? host.client, parts.healthCheck ?? healthCheck, parts);
      return current;
    },
    apply: async (object) => {
      const documents =
        typeof object === 'string'
          ? parseAllDocuments(object).map((document) => document.toJS() as KubeObject)
          : [object];
      for (const each of documents)
        await host.client.apply(typeOf(each), each, { fieldManager: 'test', force: true });
    },
    get: (kind, name, namespace) => find(host.client, types[kind] as ResourceType, { name, namespace }),
    remove: (kind, name, namespace) => host.client.remove(types[kind] as ResourceType, { name, namespace }),
    namespace: async () => {
      const name = `ns-${++namespaces}`;
      await host.client.apply(
        types['Namespace'] as ResourceType,
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
        { fieldManager: 'test' },
      );
      await world.apply({
        apiVersion: 'types.kubefed.io/v1beta1',
        kind: 'FederatedNamespace',
        metadata: { name, namespace: name },
        spec: { placement: { clusterSelector: {} } },
      });
      return name;
    },
    settled: async () => {
      const calm = 300;
      for (let quietSince = performance.now(); performance.now() - quietSince < calm; ) {
        await systemClock.sleep(20);
        const { propagation, rollouts } = world.hansa.plane;
        if (propagation.unsettled > 0 || rollouts.unsettled > 0) quietSince = performance.now();
      }
    },
    down: async () => {
      await current?.stop();
      await Promise.all([host, ...members].map(({ client }) => client.close()));
      await endSandbox();
    },
    [Symbol.asyncDispose]: () => world.down(),
  };
  return world;
}

/** Runs Hansa in this process with the members' own, least-privilege accounts. */
export async function startHansa(
  host: ApiClient,
  healthCheck: HealthCheckOptions = quickHealthCheck,
  { connect, webhook }: Pick<HansaParts, 'connect' | 'webhook'> = {},
): Promise<RunningHansa> {
  const calls = new Map<string, number>();
  const metrics: KubeMetrics = {
    ...noMetrics,
    onCall: ({ server, verb }) => calls.set(`${server} ${verb}`, (calls.get(`${server} ${verb}`) ?? 0) + 1),
  };
  const counted = countingClient(host, metrics);
  const plane = createControlPlane({
    host: counted,
    namespace: hansaNamespace,
    identity: 'test',
    adopt: true,
    // The tests of Shipper's door start their own, with a chart store they can look into.
    servesShipper: false,
    healthCheck,
    clock: systemClock,
    rng: Math.random,
    logger: silentLogger,
    metrics,
    ...(connect ? { connect: (name, access) => connect(name, access, metrics) } : {}),
    ...(webhook ? { webhook } : {}),
  });
  const root = new AbortController();
  const work = plane.run(root.signal);
  while (!plane.propagation.isReady) await systemClock.sleep(10);
  return {
    plane,
    calls,
    writesTo: (server) =>
      [...calls].reduce((sum, [key, count]) => {
        const [to = '', verb = ''] = key.split(' ');
        const counts = writeVerbs.includes(verb) && (server === 'members' ? to !== 'host' : to === server);
        return counts ? sum + count : sum;
      }, 0),
    stop: async () => {
      root.abort();
      await work;
    },
  };
}

/** The test and Hansa share the host's client; only Hansa's own calls are counted. */
function countingClient(client: ApiClient, metrics: KubeMetrics): ApiClient {
  const counted =
    <A extends unknown[], R>(verb: string, call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      metrics.onCall({ server: 'host', verb, code: 0, tookMs: 0 });
      return call(...args);
    };
  return {
    ...client,
    get: counted('get', client.get.bind(client)) as ApiClient['get'],
    apply: counted('apply', client.apply.bind(client)) as ApiClient['apply'],
    patch: counted('patch', client.patch.bind(client)) as ApiClient['patch'],
    create: counted('create', client.create.bind(client)) as ApiClient['create'],
    replace: counted('update', client.replace.bind(client)) as ApiClient['replace'],
    remove: counted('delete', client.remove.bind(client)),
  };
}

export async function find<T = KubeObject>(
  client: ApiClient,
  type: ResourceType,
  ref: { readonly name: string; readonly namespace?: string | undefined },
): Promise<(KubeObject & T) | undefined> {
  try {
    return (await client.get(type, ref)) as KubeObject & T;
  } catch (error) {
    if (
      error instanceof Error &&
      'reason' in error &&
      ['NotFound', 'NamespaceNotFound'].includes(String(error.reason))
    ) {
      return undefined;
    }
    throw error;
  }
}

/** Builds a FederatedDeployment that shows only what a test is about. */
export function federatedDeployment(
  name: string,
  namespace: string,
  { replicas = 1, ...spec }: { readonly replicas?: number; readonly [field: string]: unknown } = {},
): KubeObject {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedDeployment',
    metadata: { name, namespace },
    spec: {
      template: {
        metadata: { labels: { app: name } },
        spec: {
          replicas,
          selector: { matchLabels: { app: name } },
          template: {
            metadata: { labels: { app: name } },
            spec: { containers: [{ name: 'main', image: 'nginx' }] },
          },
        },
      },
      placement: { clusterSelector: {} },
      ...spec,
    },
  };
}

export function federatedConfigMap(
  name: string,
  namespace: string,
  {
    data = { key: 'value' },
    ...spec
  }: { readonly data?: Readonly<Record<string, string>>; readonly [field: string]: unknown } = {},
): KubeObject {
  return {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedConfigMap',
    metadata: { name, namespace },
    spec: { template: { data }, placement: { clusterSelector: {} }, ...spec },
  };
}
