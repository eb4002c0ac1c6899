import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { ApiClient, KubeObject } from '../../kube/index.ts';

/** Requests a second that customers send to each cluster. */
const requestsPerSecond = 50;
/** Share of them that the bad version answers with an error. */
const badErrorShare = 0.4;
const sampleMs = 500;

export const requestsMetric = 'shop_requests_total';

export interface ShopMember {
  readonly name: string;
  readonly client: ApiClient;
}

export interface ShopTraffic extends AsyncDisposable {
  /** Where Prometheus finds the counters, as host:port. */
  readonly address: string;
  /** Share of failed requests in one cluster over the last five seconds; undefined while nothing was asked. */
  errorRatio(cluster: string): number | undefined;
}

interface Counter {
  ok: number;
  failed: number;
}

/**
 * Plays the customers of the shop. The simulated pods serve nothing, so what they would answer is counted here, from
 * the pods that are ready in each member: those whose image says "bad" fail a part of their share of the requests.
 */
export async function startShopTraffic(
  members: readonly ShopMember[],
  { namespace, labelSelector }: { readonly namespace: string; readonly labelSelector: string },
): Promise<ShopTraffic> {
  const counters = new Map<string, Counter>(members.map(({ name }) => [name, { ok: 0, failed: 0 }]));
  const past: { readonly atMs: number; readonly seen: ReadonlyMap<string, Counter> }[] = [];
  const stop = new AbortController();
  const sample = async () => {
    await Promise.all(
      members.map(async ({ name, client }) => {
        const counter = counters.get(name);
        const pods = await readyPods(client, namespace, labelSelector, stop.signal);
        if (!counter || pods.length === 0) return;
        const requests = requestsPerSecond * (sampleMs / 1000);
        const failed = (requests * badErrorShare * pods.filter(isBad).length) / pods.length;
        counter.failed += failed;
        counter.ok += requests - failed;
      }),
    );
    past.push({
      atMs: performance.now(),
      seen: new Map([...counters].map(([name, counter]) => [name, { ...counter }])),
    });
    while (past.length > 2 && performance.now() - (past[1]?.atMs ?? 0) > 5_000) past.shift();
  };
  const loop = (async () => {
    while (!stop.signal.aborted) {
      const begun = performance.now();
      await sample().catch(() => undefined);
      await pause(Math.max(0, sampleMs - (performance.now() - begun)), stop.signal);
    }
  })();
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(exposition(counters));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    errorRatio: (cluster) => {
      const before = past[0]?.seen.get(cluster);
      const now = counters.get(cluster);
      if (!before || !now) return undefined;
      const failed = now.failed - before.failed;
      const all = failed + now.ok - before.ok;
      return all > 0 ? failed / all : undefined;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await loop;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Ready pods by the image of their first container. */
export async function countByImage(
  client: ApiClient,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const pod of await readyPods(client, namespace, labelSelector, signal)) {
    const image = imagesOf(pod)[0] ?? '';
    counts[image] = (counts[image] ?? 0) + 1;
  }
  return counts;
}

async function readyPods(
  client: ApiClient,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const type = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
  const pods: KubeObject[] = [];
  for await (const { items } of client.list(type, { namespace, labelSelector, signal })) pods.push(...items);
  return pods.filter((pod) => {
    const { conditions = [] } = (pod['status'] ?? {}) as {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
    return (
      pod.metadata.deletionTimestamp === undefined &&
      conditions.some(({ type: about, status }) => about === 'Ready' && status === 'True')
    );
  });
}

function isBad(pod: KubeObject): boolean {
  return imagesOf(pod).some((image) => image.includes('bad'));
}

function imagesOf(pod: KubeObject): readonly string[] {
  const { containers = [] } = (pod['spec'] ?? {}) as {
    readonly containers?: readonly { readonly image?: string }[];
  };
  return containers.map(({ image = '' }) => image);
}

function exposition(counters: ReadonlyMap<string, Counter>): string {
  const lines = [`# HELP ${requestsMetric} Requests to the shop.`, `# TYPE ${requestsMetric} counter`];
  for (const [cluster, { ok, failed }] of counters) {
    lines.push(`${requestsMetric}{cluster="${cluster}",code="200"} ${ok}`);
    lines.push(`${requestsMetric}{cluster="${cluster}",code="500"} ${failed}`);
  }
  return `${lines.join('\n')}\n`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
