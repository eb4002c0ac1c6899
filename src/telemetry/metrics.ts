import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { KubeMetrics } from '../kube/index.ts';
import type { Health } from '../members/index.ts';

export interface MetricsOptions {
  readonly version?: string;
}

export interface Metrics {
  /** What `/metrics` shows. */
  readonly registry: Registry;
  /** For the rooms that talk to API servers and run controllers. */
  readonly kube: KubeMetrics;
  memberHealth(member: string, health: Health['kind']): void;
  /** Drops what is shown of a member that was unjoined. */
  forgetMember(member: string): Promise<void>;
}

type Labels = Readonly<Record<string, string>>;

type Label = 'server' | 'verb' | 'code' | 'cache' | 'reason' | 'queue' | 'controller' | 'result' | 'member';

/** KubeFed's words for a member's state; what it has none for is not counted there. */
const kubefedStates = {
  ready: 'ready',
  'not-ready': 'notready',
  offline: 'offline',
  malformed: 'notready',
  unknown: undefined,
} as const satisfies Record<Health['kind'], string | undefined>;

/** Verbs of the client that change something, and KubeFed's word for it. */
const writeActions: Readonly<Record<string, string>> = {
  create: 'create',
  apply: 'update',
  patch: 'update',
  update: 'update',
  delete: 'delete',
};

const callBucketsSeconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** A key that waits for a minute is in trouble, but an operator wants to see how much. */
const waitBucketsSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

/**
 * All metrics of the process in a registry of their own, named `hansa_<room>_<noun>_<unit>`, plus KubeFed's names
 * where they mean the same. Labels hold members, kinds and controllers, never names of objects.
 */
export function createMetrics({ version = 'unknown' }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: Label[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  const callTime = histogram(
    'hansa_kube_call_duration_seconds',
    'Time calls to an API server took, by server (host or member) and verb.',
    ['server', 'verb'],
    callBucketsSeconds,
  );
  const calls = counter(
    'hansa_kube_calls_total',
    'Calls to an API server by server, verb and HTTP status; code 0 had no answer.',
    ['server', 'verb', 'code'],
  );
  const writes = counter(
    'hansa_kube_writes_total',
    'Calls that changed something in an API server, by server and verb.',
    ['server', 'verb'],
  );
  const watchRestarts = counter(
    'hansa_kube_watch_restarts_total',
    'Watches that began anew, by cache and why.',
    ['cache', 'reason'],
  );
  const cacheObjects = gauge('hansa_kube_cache_objects', 'Objects held by a cache.', ['cache']);
  const queueDepth = gauge(
    'hansa_kube_queue_depth',
    'Keys in a queue that are ready or wait for their time.',
    ['queue'],
  );
  const queueWait = histogram(
    'hansa_kube_queue_wait_seconds',
    'Time keys waited from being ready to being taken up.',
    ['queue'],
    waitBucketsSeconds,
  );
  const reconciles = counter('hansa_kube_reconciles_total', 'Runs of a controller by result.', [
    'controller',
    'result',
  ]);
  const reconcileTime = histogram(
    'hansa_kube_reconcile_duration_seconds',
    'Time runs of a controller took.',
    ['controller'],
    callBucketsSeconds,
  );
  const activeWorkers = gauge('hansa_kube_active_workers', 'Runs of a controller under way.', ['controller']);
  const memberUp = gauge('hansa_members_up', '1 while the member is ready, 0 otherwise.', ['member']);
  const buildInfo = new Gauge({
    name: 'hansa_build_info',
    help: 'The version that runs, as labels; always 1.',
    labelNames: ['version', 'node'],
    registers,
  });
  const kubefedClusters = new Gauge({
    name: 'kubefedcluster_total',
    help: 'Members in a state (ready, notready, offline), as KubeFed counts them.',
    labelNames: ['state', 'cluster'],
    registers,
  });
  const joinedClusters = new Gauge({ name: 'joined_cluster_total', help: 'Joined members.', registers });
  const dispatches = new Histogram({
    name: 'dispatch_operation_duration_seconds',
    help: 'Time writes to members took, by KubeFed’s action; a creation by apply counts as update.',
    labelNames: ['action'],
    buckets: callBucketsSeconds,
    registers,
  });

  buildInfo.set({ version, node: process.version }, 1);
  const members = new Set<string>();

  return {
    registry,
    kube: {
      onCall: ({ server, verb, code, tookMs }) => {
        callTime.observe({ server, verb }, tookMs / 1000);
        calls.inc({ server, verb, code });
        const action = writeActions[verb];
        if (!action) return;
        if (code >= 200 && code < 300) writes.inc({ server, verb });
        if (server !== 'host') dispatches.observe({ action }, tookMs / 1000);
      },
      onWatchRestart: (watch) => watchRestarts.inc(watch),
      onCacheSize: ({ cache, objects }) => cacheObjects.set({ cache }, objects),
      onQueueDepth: ({ queue, depth }) => queueDepth.set({ queue }, depth),
      onQueueWait: ({ queue, waitedMs }) => queueWait.observe({ queue }, waitedMs / 1000),
      onReconcile: ({ controller, result, tookMs }) => {
        reconciles.inc({ controller, result });
        reconcileTime.observe({ controller }, tookMs / 1000);
      },
      onActiveWorkers: ({ controller, active }) => activeWorkers.set({ controller }, active),
    },
    memberHealth: (member, health) => {
      members.add(member);
      joinedClusters.set(members.size);
      memberUp.set({ member }, health === 'ready' ? 1 : 0);
      for (const state of ['ready', 'notready', 'offline']) {
        kubefedClusters.set({ state, cluster: member }, kubefedStates[health] === state ? 1 : 0);
      }
    },
    forgetMember: async (member) => {
      members.delete(member);
      joinedClusters.set(members.size);
      const isOfMember = (labels: Labels) =>
        [labels.server, labels.member, labels.cluster].includes(member) ||
        [labels.queue, labels.controller].includes(`member/${member}`) ||
        (labels.cache?.startsWith(`${member}/`) ?? false);
      await forgetSeries(registry, isOfMember);
    },
  };
}

/** Removes each series that fits; without this a process would go on showing members that left weeks ago. */
async function forgetSeries(registry: Registry, fits: (labels: Labels) => boolean): Promise<void> {
  for (const { name, values } of await registry.getMetricsAsJSON()) {
    const metric = registry.getSingleMetric(name);
    for (const { labels } of values) {
      // A histogram has a value per bucket; the series is known by its other labels.
      const { le: _bucket, ...own } = labels as Labels;
      if (fits(own)) metric?.remove(own);
    }
  }
}
