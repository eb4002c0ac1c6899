import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSocket, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError } from '../../base/index.ts';
import { requestsMetric, type ShopTraffic } from './shop-traffic.ts';

export interface RunningPrometheus extends AsyncDisposable {
  readonly url: string;
  /** `prometheus` of this machine, or a stand-in that speaks its query API. */
  readonly kind: 'real' | 'stand-in';
}

/** The metric that the gate asks for: a recording rule of the real one, worked out by the stand-in. */
export const errorRatioMetric = 'shop:error_ratio:rate5s';

const readyLimitMs = 20_000;

/** Starts the Prometheus of this machine over the shop's counters; without one, a stand-in. */
export async function startPrometheus(
  traffic: ShopTraffic,
  { dir, signal }: { readonly dir: string; readonly signal: AbortSignal },
): Promise<RunningPrometheus> {
  const program = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'prometheus'))
    .find((path) => existsSync(path));
  return program ? startReal(program, traffic, dir, signal) : startStandIn(traffic);
}

async function startReal(
  program: string,
  traffic: ShopTraffic,
  dir: string,
  signal: AbortSignal,
): Promise<RunningPrometheus> {
  const home = join(dir, 'prometheus');
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(
    join(home, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [traffic.address] }] }],
    }),
  );
  const failed = `sum by (cluster) (rate(${requestsMetric}{code="500"}[5s]))`;
  const all = `sum by (cluster) (rate(${requestsMetric}[5s]))`;
  await writeFile(
    join(home, 'rules.yml'),
    JSON.stringify({
      groups: [{ name: 'shop', rules: [{ record: errorRatioMetric, expr: `${failed} / ${all}` }] }],
    }),
  );
  const port = await freePort();
  const log = createWriteStream(join(home, 'prometheus.log'), { mode: 0o600 });
  const child = spawn(
    program,
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--storage.tsdb.retention.time=1h',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const gone = once(child, 'exit');
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const late = sleep(5_000, 'late', { ref: false });
      if ((await Promise.race([gone, late])) === 'late') child.kill('SIGKILL');
      await gone;
    }
    log.end();
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    const giveUpAt = performance.now() + readyLimitMs;
    while (!(await isReady(url))) {
      signal.throwIfAborted();
      if (child.exitCode !== null || performance.now() > giveUpAt) {
        throw new HansaError(`Prometheus did not start: see ${join(home, 'prometheus.log')}`, {
          reason: 'PrometheusNotReady',
          retry: 'never',
        });
      }
      await sleep(100, undefined, { signal });
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { url, kind: 'real', [Symbol.asyncDispose]: end };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createSocket();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Answers an instant query of the one metric above, in the shape of Prometheus' HTTP API. */
async function startStandIn(traffic: ShopTraffic): Promise<RunningPrometheus> {
  const server = createServer((request, response) => {
    void queryOf(request).then((query) => {
      const cluster = /\{cluster="([^"]*)"\}/.exec(query)?.[1];
      const ratio = cluster && query.startsWith(errorRatioMetric) ? traffic.errorRatio(cluster) : undefined;
      const result =
        ratio === undefined ? [] : [{ metric: { cluster }, value: [Date.now() / 1000, String(ratio)] }];
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    kind: 'stand-in',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function queryOf(request: IncomingMessage): Promise<string> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return url.searchParams.get('query') ?? new URLSearchParams(body).get('query') ?? '';
}
