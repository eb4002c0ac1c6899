import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { silentLogger } from '../../src/base/index.ts';
import { type ApiClient, type KubeObject, type ResourceType, systemClock } from '../../src/kube/index.ts';
import type { Member } from '../../src/members/index.ts';
import { createGatedMode } from '../../src/rollout/gated/create-gated-mode.ts';
import type { Router } from '../../src/rollout/gated/steering.ts';
import type { ModeCall, RolloutMode, RolloutView } from '../../src/rollout/mode.ts';
import { workloadRevision } from '../../src/rollout/plan/gated/index.ts';
import { nextStage, nextStageBack } from '../../src/rollout/plan/steps/index.ts';
import type { MemberObserved, Numbers } from '../../src/rollout/plan/steps/types.ts';
import { startAdmissionServer } from '../../src/webhook/admission-server.ts';
import { bundleOf, carryOutStep } from '../../src/webhook/certificates.ts';

export type Seen = Extract<MemberObserved, { kind: 'seen' }>;

const resource = (group: string, kind: string, plural: string, namespaced = true): ResourceType => ({
  group,
  version: 'v1',
  kind,
  plural,
  namespaced,
});

export const memberTypes = {
  Namespace: resource('', 'Namespace', 'namespaces', false),
  Node: resource('', 'Node', 'nodes', false),
  Pod: resource('', 'Pod', 'pods'),
  Service: resource('', 'Service', 'services'),
  ConfigMap: resource('', 'ConfigMap', 'configmaps'),
  Deployment: resource('apps', 'Deployment', 'deployments'),
  DaemonSet: resource('apps', 'DaemonSet', 'daemonsets'),
  ReplicaSet: resource('apps', 'ReplicaSet', 'replicasets'),
  EndpointSlice: resource('discovery.k8s.io', 'EndpointSlice', 'endpointslices'),
  Webhooks: resource(
    'admissionregistration.k8s.io',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    false,
  ),
} as const;

/** The real webhook on a loopback port, which can be taken away and brought back. */
export async function startTestWebhook() {
  const set = await carryOutStep(undefined, 'start', { names: ['127.0.0.1'], nowMs: Date.now() });
  const options = { bind: '127.0.0.1', pair: set.serving, logger: silentLogger };
  let server = await startAdmissionServer({ ...options, port: 0 });
  const { port } = server;
  return {
    address: { url: `https://127.0.0.1:${port}`, caBundle: bundleOf(set) },
    stop: () => server.close(),
    start: async () => {
      server = await startAdmissionServer({ ...options, port });
    },
  };
}

export type TestWebhook = Awaited<ReturnType<typeof startTestWebhook>>;

export interface LifeOptions {
  readonly client: ApiClient;
  readonly webhook: TestWebhook;
  readonly kind?: 'Deployment' | 'DaemonSet';
  readonly replicas?: number;
  readonly whenWebhookDown?: 'Hold' | 'Proceed';
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly isSteered?: boolean;
  readonly router?: Router;
}

/**
 * One plain workload in one member and the mode that rolls it out, driven as the controller does: tend, observe, decide,
 * act. Each turn uses a mode made anew, so nothing may live in memory.
 */
export async function startLife(options: LifeOptions) {
  const { client, webhook, kind = 'Deployment', replicas = 10, whenWebhookDown, isSteered = false } = options;
  const name = 'web';
  const namespace = `shop-${randomUUID().slice(0, 6)}`;
  const type = memberTypes[kind];
  const signal = new AbortController().signal;
  const labels = { app: name };
  await client.create(memberTypes.Namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  const template = (image: string) => ({
    metadata: { labels },
    spec: { containers: [{ name: 'main', image }] },
  });
  await client.create(
    type,
    {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, namespace },
      spec: {
        ...(kind === 'Deployment' ? { replicas } : {}),
        selector: { matchLabels: labels },
        template: template('web:1'),
        ...options.spec,
      },
    },
    { fieldManager: 'team' },
  );
  let stable = '';
  let view: RolloutView | undefined;

  const workload = () => client.get(type, { namespace, name });
  const pods = async (): Promise<readonly KubeObject[]> => {
    const found: KubeObject[] = [];
    for await (const page of client.list(memberTypes.Pod, { namespace })) found.push(...page.items);
    return found.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };

  const viewOf = (contender: string, incumbent: string | undefined, isDone: boolean): RolloutView => ({
    name: 'web-rollout',
    namespace,
    uid: 'uid',
    spec: {
      source: { workloadRef: { kind, name } },
      placement: { clusterSelector: {} },
      ...(whenWebhookDown ? { whenWebhookDown } : {}),
    },
    plan: {
      name: 'web-rollout',
      namespace,
      mode: 'Gated',
      steps: [
        {
          name: 'full',
          capacity: { contender: 100, incumbent: 0 },
          ...(isSteered ? { traffic: { contender: 100, incumbent: 0 } } : {}),
          pause: undefined,
          gates: [],
        },
      ],
      waves: [],
      progress: 'WaveMajor',
      failurePolicy: 'Pause',
      maxFailedClusters: 0,
      progressDeadlineMs: 600_000,
      // oxlint-disable-next-line unicorn/no-thenable -- the plan's own word
      unreachable: { graceMs: 300_000, action: 'Wait' },
      ignoreIncumbentHealth: false,
      minHealthyPercent: 100,
    },
    contender: { hash: contender, number: 2, content: { kind: 'workload' } },
    incumbent: incumbent ? { hash: incumbent, number: 1, content: { kind: 'workload' } } : undefined,
    isDone,
    target: { apiVersion: 'apps/v1', kind, name },
  });

  const mode = (): RolloutMode =>
    createGatedMode({
      clock: systemClock,
      webhook: webhook.address,
      logger: silentLogger,
      createRouter: () => options.router ?? noRouter,
    });
  const member = { name: 'm1', client } as unknown as Member;
  const call = (): ModeCall => {
    if (!view) throw new Error('nothing is rolled out yet');
    return { rollout: view, member, signal };
  };

  async function observe(): Promise<Seen> {
    const seen = await mode().observe(call());
    if (seen.kind !== 'seen') throw new Error(seen.message);
    return seen;
  }

  /** One turn of the controller; true once there is nothing left to do. */
  async function turn(order: { readonly go: Numbers } | 'revert' | 'hold'): Promise<boolean> {
    await mode().tend?.(call());
    const seen = await observe();
    if (order === 'hold') return true;
    const settings = {
      revision: call().rollout.contender.hash,
      ignoreIncumbentHealth: false,
      minHealthyPercent: 100,
    };
    const decision = order === 'revert' ? nextStageBack(seen, settings) : nextStage(order.go, seen, settings);
    lastDecision = JSON.stringify({ decision, seen });
    try {
      switch (decision.kind) {
        case 'install':
          await mode().install(call());
          return false;
        case 'set':
          await mode().set(call(), decision);
          return false;
        case 'wait':
          return false;
        case 'reached':
          return true;
      }
    } catch (error) {
      // As the controller does: said in the status, and tried again.
      lastDecision += String(error);
      return false;
    }
  }
  let lastDecision = '';

  async function drive(order: Parameters<typeof turn>[0], limitMs = 40_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await turn(order))) {
      if (performance.now() > end) throw new Error(`not reached: ${lastDecision}`);
      await systemClock.sleep(100);
    }
  }

  const self = {
    namespace,
    name,
    client,
    type,
    mode,
    call,
    workload,
    pods,
    observe,
    turn,
    /** Goes on until the step is reached. */
    go: (contender: number, traffic?: number) =>
      drive({
        go: {
          capacity: { contender, incumbent: 100 - contender },
          ...(traffic === undefined ? {} : { traffic: { contender: traffic, incumbent: 100 - traffic } }),
        },
      }),
    step: (capacity: Numbers['capacity'], traffic: NonNullable<Numbers['traffic']>) =>
      drive({ go: { capacity, traffic } }),
    revert: async () => {
      await drive('revert');
      await mode().putBack(call());
    },
    finish: async () => {
      await mode().finish(call());
      stable = call().rollout.contender.hash;
      view = viewOf(stable, undefined, true);
    },
    /** Ticks with no order, as in a pause. */
    hold: async (forMs: number) => {
      const end = performance.now() + forMs;
      while (performance.now() < end) {
        await turn('hold');
        await systemClock.sleep(100);
      }
    },
    patch: (spec: object) =>
      client.patch(type, { namespace, name }, { spec } as never, { type: 'merge', fieldManager: 'team' }),
    /** The ordinary way: somebody changes the image. The rollout takes note of it. */
    edit: async (image: string) => {
      const after = await client.patch(
        type,
        { namespace, name },
        { spec: { template: template(image) } } as never,
        { type: 'merge', fieldManager: 'team' },
      );
      view = viewOf(workloadRevision(after), stable, false);
    },
    /** Pods by image: how many are there, run (have a node) and are ready. */
    count: async (image: string) => {
      const own = (await pods()).filter((pod) => imageOf(pod) === image);
      return {
        all: own.length,
        gated: own.filter(isGated).length,
        ready: own.filter(isReady).length,
      };
    },
    withTraffic: async (image: string) =>
      (await pods()).filter(
        (pod) =>
          imageOf(pod) === image &&
          isReady(pod) &&
          pod.metadata.labels?.['rollout.hansa.dev/traffic'] === 'enabled',
      ).length,
    running: async (image: string) =>
      (await pods()).filter((pod) => imageOf(pod) === image && !isGated(pod)).length,
    runningNow: (image: string) => () => self.running(image),
    readyPods: async () => (await pods()).filter(isReady).length,
    waitUntilWhole: async (count = replicas) => {
      await eventually(async () => expect((await pods()).filter(isReady).length).toBe(count));
    },
  };

  await self.waitUntilWhole();
  const made = await workload();
  stable = workloadRevision(made);
  view = viewOf(stable, undefined, true);
  await mode().arm(call());
  // API servers hear of a new webhook a moment later.
  await systemClock.sleep(1_000);
  return self;
}

export type Life = Awaited<ReturnType<typeof startLife>>;

const noRouter: Router = {
  prepare: () => Promise.resolve(),
  observe: () => Promise.reject(new Error('nothing is steered here')),
  set: () => Promise.resolve(),
  release: () => Promise.resolve(),
};

/** Looks all the time, and remembers the lowest number that it saw beneath the floor. */
export function watchFloor(look: () => Promise<number>, floor: number) {
  return watchAlways(look, floor, (now, limit) => now >= limit);
}

/** The same for a number that may not be passed. */
export function watchCeiling(look: () => Promise<number>, ceiling: number) {
  return watchAlways(look, ceiling, (now, limit) => now <= limit);
}

function watchAlways(
  look: () => Promise<number>,
  first: number,
  holds: (now: number, limit: number) => boolean,
) {
  let lowest = Number.POSITIVE_INFINITY;
  let samples = 0;
  let current = first;
  const broken: string[] = [];
  const ended = new AbortController();
  const work = (async () => {
    while (!ended.signal.aborted) {
      const asked = current;
      const now = await look();
      samples += 1;
      lowest = Math.min(lowest, now);
      if (!holds(now, asked) && !holds(now, current))
        broken.push(`${now} against ${current} at sample ${samples}`);
      await systemClock.sleep(25);
    }
  })();
  return {
    change: (next: number) => {
      current = next;
    },
    end: async () => {
      ended.abort();
      await work;
      expect(broken).toEqual([]);
      expect(samples).toBeGreaterThan(10);
      return lowest;
    },
  };
}

export async function eventually(check: () => Promise<void>, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await systemClock.sleep(100);
    }
  }
}

interface PodShape {
  readonly spec: {
    readonly containers: readonly { readonly image: string }[];
    readonly schedulingGates?: readonly { readonly name: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function imageOf(pod: KubeObject): string {
  return (pod as unknown as PodShape).spec.containers[0]?.image ?? '';
}

export function isGated(pod: KubeObject): boolean {
  return ((pod as unknown as PodShape).spec.schedulingGates ?? []).length > 0;
}

export function isReady(pod: KubeObject): boolean {
  const conditions = (pod as unknown as PodShape).status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** Steers by the label on pods, as the router of src/rollout/traffic does, for one Service named like the workload. */
export function serviceRouter(client: ApiClient): Router {
  const key = 'rollout.hansa.dev/traffic';
  const select = async ({ rollout }: ModeCall, value: string | null) => {
    await client.patch(
      memberTypes.Service,
      { namespace: rollout.namespace, name: rollout.target?.name ?? '' },
      { spec: { selector: { [key]: value } } },
      { type: 'merge' },
    );
  };
  return {
    prepare: async (call, { incumbent }) => {
      for await (const page of client.list(memberTypes.Pod, {
        namespace: call.rollout.namespace,
        labelSelector: incumbent,
      })) {
        for (const { metadata } of page.items) {
          await client.patch(
            memberTypes.Pod,
            { namespace: call.rollout.namespace, name: metadata.name },
            { metadata: { labels: { [key]: 'enabled' } } },
            { type: 'merge' },
          );
        }
      }
      await select(call, 'enabled');
    },
    observe: () => Promise.reject(new Error('the mode counts pods itself')),
    set: () => Promise.reject(new Error('the mode labels pods itself')),
    release: (call) => select(call, null),
  };
}

/** Ready addresses behind the workload's Service, as clients see them. */
export async function servingAddresses({ client, namespace, name }: Life): Promise<number> {
  const addresses = new Set<string>();
  for await (const page of client.list(memberTypes.EndpointSlice, {
    namespace,
    labelSelector: `kubernetes.io/service-name=${name}`,
  })) {
    for (const slice of page.items as readonly unknown[] as readonly {
      endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
    }[]) {
      for (const { addresses: own, conditions } of slice.endpoints ?? []) {
        if (conditions?.ready) addresses.add(own[0] ?? '');
      }
    }
  }
  return addresses.size;
}
