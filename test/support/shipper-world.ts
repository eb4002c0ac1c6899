import { expect } from 'vitest';
import { type Clock, type JsonObject, silentLogger } from '../../src/base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../src/kube/index.ts';
import { systemClock } from '../../src/kube/index.ts';
import { createShipperDoor } from '../../src/rollout/shipper/index.ts';
import { shipperTypes } from '../../src/rollout/shipper/records.ts';
import { findHelm } from '../../src/sandbox/index.ts';
import { type ChartRepository, startChartRepository } from './chart-repository.ts';
import { until } from './look.ts';
import { find, hansaNamespace, startWorld, types, type WorldOptions } from './world.ts';

export interface Step {
  readonly name: string;
  readonly capacity: { readonly incumbent: number; readonly contender: number };
  readonly traffic: { readonly incumbent: number; readonly contender: number };
}

/** Shipper's own test strategies. */
export const allIn: readonly Step[] = [step('full on', [0, 100], [0, 100])];
export const vanguard: readonly Step[] = [
  step('staging', [100, 1], [100, 1]),
  step('50/50', [50, 50], [50, 50]),
  step('full on', [0, 100], [0, 100]),
];

export function step(
  name: string,
  [incumbent, contender]: readonly [number, number],
  [before, after]: readonly [number, number],
): Step {
  return {
    name,
    capacity: { incumbent, contender },
    traffic: { incumbent: before, contender: after },
  };
}

export interface ReleaseStatus {
  readonly achievedStep?: { readonly step: number; readonly name: string };
  readonly strategy?: {
    readonly state?: Readonly<Record<string, string>>;
    readonly conditions?: readonly Condition[];
  };
  readonly conditions?: readonly Condition[];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Release extends KubeObject {
  readonly spec: { readonly targetStep: number; readonly environment: JsonObject };
  readonly status?: ReleaseStatus;
}

export interface AppWishes {
  readonly replicas?: number;
  readonly steps?: readonly Step[];
  readonly chart?: { readonly name?: string; readonly version?: string; readonly repoUrl?: string };
  readonly regions?: readonly { readonly name: string; readonly replicas?: number }[];
  readonly values?: JsonObject;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly limit?: number;
}

export type ShipperWorld = Awaited<ReturnType<typeof startShipperWorld>>;

/** A world with Shipper's door running beside Hansa, and a chart repository. */
export async function startShipperWorld(options: Partial<WorldOptions> = {}) {
  const helm = await findHelm();
  const repository = await startChartRepository({
    charts: {
      nginx: ['0.0.1', '0.0.2', '0.1.0'],
      broken: ['0.0.1'],
      'two-deployments': ['0.0.1'],
      shop: ['0.0.1'],
    },
  });
  const world = await startWorld({
    parts: 'full',
    hostParts: 'controllers',
    members: [
      { name: 'm1', region: 'local' },
      { name: 'm2', region: 'local' },
    ],
    ...options,
  });
  const events: { readonly object: string; readonly reason: string; readonly note: string }[] = [];
  const door = { stop: () => Promise.resolve() };
  const startDoor = async ({ host = world.host.client, clock = systemClock as Clock } = {}) => {
    const root = new AbortController();
    const shipper = createShipperDoor({
      host,
      members: world.hansa.plane.members,
      namespace: hansaNamespace,
      helm: () => Promise.resolve(helm),
      clock,
      rng: Math.random,
      logger: process.env['SHIPPER_LOG'] ? loud : silentLogger,
      tell: ({ kind, name }, { reason, note }) => {
        events.push({ object: `${kind}/${name}`, reason, note });
        if (process.env['SHIPPER_LOG']) console.log('event', kind, name, reason, note);
      },
    });
    const work = shipper.run(root.signal);
    door.stop = async () => {
      root.abort();
      await work;
    };
  };
  await startDoor();
  let namespaces = 0;
  const host = world.host.client;

  const self = {
    world,
    repository,
    events,
    host,
    startDoor,
    stopDoor: () => door.stop(),
    namespace: async () => {
      const name = `shop-${++namespaces}`;
      await host.create(types['Namespace'] as ResourceType, namespaceObject(name));
      return name;
    },
    applicationObject: (namespace: string, name: string, wishes: AppWishes = {}): KubeObject =>
      applicationObject(repository, namespace, name, wishes),
    createApplication: (namespace: string, name: string, wishes: AppWishes = {}) =>
      host.create(shipperTypes.application, applicationObject(repository, namespace, name, wishes)),
    edit: (namespace: string, name: string, change: JsonObject) =>
      host.patch(
        shipperTypes.application,
        { namespace, name },
        { spec: { template: change } },
        { type: 'merge' },
      ),
    application: (namespace: string, name: string) =>
      find<{ readonly spec: JsonObject; readonly status?: { conditions?: Condition[]; history?: string[] } }>(
        host,
        shipperTypes.application,
        { namespace, name },
      ),
    releases: (namespace: string) => listAll<Release>(host, shipperTypes.release, namespace),
    release: (namespace: string, name: string) =>
      find<Release>(host, shipperTypes.release, { namespace, name }),
    /** The newest Release that stays. */
    head: (namespace: string, application: string, not?: string): Promise<Release> =>
      until(async () => {
        const found = (await self.releases(namespace))
          .filter(
            ({ metadata }) => metadata.labels?.['shipper-app'] === application && !metadata.deletionTimestamp,
          )
          .toSorted((a, b) => generation(a) - generation(b))
          .at(-1);
        expect(found).toBeDefined();
        expect(found?.metadata.name).not.toBe(not);
        return found as Release;
      }),
    command: (namespace: string, name: string, targetStep: number) =>
      host.patch(shipperTypes.release, { namespace, name }, { spec: { targetStep } }, { type: 'merge' }),
    /** Waits for the step, in all clusters. */
    achieved: (namespace: string, name: string, wanted: number, timeoutMs = 40_000): Promise<Release> =>
      until(async () => {
        const release = await self.release(namespace, name);
        if (release?.status?.achievedStep?.step !== wanted) {
          throw new Error(
            `${name} is not at step ${wanted}: ${JSON.stringify(release?.status ?? release, undefined, 1)}`,
          );
        }
        expect(release.spec.targetStep).toBe(wanted);
        return release;
      }, timeoutMs),
    complete: (namespace: string, name: string): Promise<Release> =>
      until(async () => {
        const release = await self.release(namespace, name);
        if (conditionOf(release?.status?.conditions, 'Complete')?.status !== 'True') {
          throw new Error(`${name} is not complete: ${JSON.stringify(release?.status, undefined, 1)}`);
        }
        return release as Release;
      }, 40_000),
    pods: (member: string, namespace: string, release?: string) =>
      listAll<KubeObject>(
        world.member(member).client,
        types['Pod'] as ResourceType,
        namespace,
        release ? `shipper-release=${release}` : undefined,
      ),
    /** Pods of a release that are Ready, in one member. */
    readyPods: async (member: string, namespace: string, release: string): Promise<number> =>
      (await self.pods(member, namespace, release)).filter(isReadyPod).length,
    /** Names of the pods that the Service sends traffic to. */
    endpoints: (member: string, namespace: string, service = 'nginx') =>
      endpointsOf(world.member(member).client, namespace, service),
    down: async () => {
      await door.stop();
      await world.down();
      await repository[Symbol.asyncDispose]();
    },
  };
  return self;
}

const loud = {
  debug: () => {},
  info: (message: string, fields?: object) => console.log('info', message, JSON.stringify(fields)),
  warn: (message: string, fields?: object) => console.log('warn', message, JSON.stringify(fields)),
  error: (message: string, fields?: object) => console.log('error', message, JSON.stringify(fields)),
  child: () => loud,
};

function namespaceObject(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function applicationObject(
  repository: ChartRepository,
  namespace: string,
  name: string,
  { replicas = 3, steps = vanguard, chart = {}, regions, values = {}, annotations, limit }: AppWishes,
): KubeObject {
  return {
    apiVersion: 'shipper.booking.com/v1alpha1',
    kind: 'Application',
    metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
    spec: {
      ...(limit === undefined ? {} : { revisionHistoryLimit: limit }),
      template: {
        chart: { name: 'nginx', version: '0.0.1', repoUrl: repository.url, ...chart },
        clusterRequirements: { regions: regions ?? [{ name: 'local', replicas: 2 }] },
        strategy: { steps },
        values: { replicaCount: replicas, ...values },
      },
    },
  };
}

export async function listAll<T extends KubeObject>(
  client: ApiClient,
  type: ResourceType,
  namespace: string,
  labelSelector?: string,
): Promise<readonly T[]> {
  const found: T[] = [];
  const pages = client.list<T>(type, { namespace, ...(labelSelector ? { labelSelector } : {}) });
  for await (const { items } of pages) found.push(...items);
  return found;
}

const sliceType: ResourceType = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};

export async function endpointsOf(
  client: ApiClient,
  namespace: string,
  service: string,
): Promise<readonly string[]> {
  const slices = await listAll<KubeObject>(
    client,
    sliceType,
    namespace,
    `kubernetes.io/service-name=${service}`,
  );
  return slices.flatMap((slice) =>
    (
      (slice['endpoints'] ?? []) as {
        conditions?: { ready?: boolean };
        targetRef?: { name?: string };
      }[]
    ).flatMap(({ conditions, targetRef }) => (conditions?.ready !== false ? (targetRef?.name ?? []) : [])),
  );
}

export function isReadyPod(pod: KubeObject): boolean {
  const { conditions = [] } = (pod['status'] ?? {}) as { readonly conditions?: readonly Condition[] };
  return !pod.metadata.deletionTimestamp && conditionOf(conditions, 'Ready')?.status === 'True';
}

export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((each) => each.type === type);
}

export function generation({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.['shipper.booking.com/release.generation']);
}
