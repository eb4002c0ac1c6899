import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { digestOf, type PackedChart, packChart } from './pack-chart.ts';

/** What ails the repository. Each may be changed at any time. */
interface Ailments {
  /** Connections are cut. */
  down: boolean;
  /** How long an answer takes. */
  delayMs: number;
  /** Who may read; absent means everybody. */
  user: { readonly username: string; readonly password: string } | undefined;
  /** Token that may read; absent means that none is needed. */
  token: string | undefined;
  /** Answered in place of index.yaml. */
  indexText: string | undefined;
}

export interface ChartRepository extends AsyncDisposable {
  readonly url: string;
  readonly ails: Ailments;
  /** Paths of the requests that came, oldest first. */
  readonly requests: readonly string[];
  /** Whether each request carried credentials. */
  readonly authorizations: readonly (string | undefined)[];
  publish(name: string, version: string): Promise<PackedChart>;
  withdraw(name: string, version: string): void;
  /** What is served under the version is no longer what the index says. */
  corrupt(name: string, version: string): void;
}

export interface ChartRepositoryOptions {
  /** Versions of each chart of test/charts to begin with. */
  readonly charts?: Readonly<Record<string, readonly string[]>>;
  /** Serves https with it. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Answers with an ETag, and 304 to those who know it. */
  readonly etag?: boolean;
  /** Prefix of the addresses in the index; absent means relative ones. */
  readonly urlPrefix?: string;
}

/** A chart repository on loopback, as `helm serve` once was: index.yaml and archives. */
export async function startChartRepository(options: ChartRepositoryOptions = {}): Promise<ChartRepository> {
  const charts = new Map<string, PackedChart & { readonly served: Buffer }>();
  const ails: Ailments = {
    down: false,
    delayMs: 0,
    user: undefined,
    token: undefined,
    indexText: undefined,
  };
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();

  const fileOf = (name: string, version: string) => `${name}-${version}.tgz`;
  const publish = async (name: string, version: string) => {
    const chart = await packChart(name, version);
    charts.set(fileOf(name, version), { ...chart, served: chart.bytes });
    return chart;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    requests.push(path);
    authorizations.push(request.headers.authorization);
    if (ails.down) return void request.socket.destroy();
    if (ails.delayMs > 0) await sleep(ails.delayMs);
    if (!mayRead(request.headers.authorization, ails)) {
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="charts"' }).end();
    }
    if (path === '/charts/index.yaml') {
      const text = ails.indexText ?? indexOf([...charts.values()], options.urlPrefix);
      const etag = `"${digestOf(text)}"`;
      if (options.etag && request.headers['if-none-match'] === etag)
        return void response.writeHead(304).end();
      return void response.writeHead(200, options.etag ? { etag } : {}).end(text);
    }
    const chart = charts.get(path.replace('/charts/', ''));
    if (!chart) return void response.writeHead(404).end();
    response.writeHead(200).end(chart.served);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => response.destroy());
  };
  const server = options.tls
    ? createTlsServer({ cert: options.tls.certificate, key: options.tls.key }, onRequest)
    : createServer(onRequest);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const [name, versions] of Object.entries(options.charts ?? {})) {
    for (const version of versions) await publish(name, version);
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}/charts`,
    ails,
    requests,
    authorizations,
    publish,
    withdraw: (name, version) => void charts.delete(fileOf(name, version)),
    corrupt: (name, version) => {
      const chart = charts.get(fileOf(name, version));
      if (!chart) throw new Error(`no ${name} ${version} was published`);
      charts.set(fileOf(name, version), { ...chart, served: Buffer.from('this is no archive') });
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function mayRead(authorization: string | undefined, { user, token }: Ailments): boolean {
  if (token !== undefined) return authorization === `Bearer ${token}`;
  if (!user) return true;
  const pair = Buffer.from(`${user.username}:${user.password}`).toString('base64');
  return authorization === `Basic ${pair}`;
}

/** As `helm repo index` writes it: newest first. */
function indexOf(charts: readonly PackedChart[], prefix = ''): string {
  const entries: Record<string, object[]> = {};
  for (const { name, version, digest } of charts.toReversed()) {
    entries[name] ??= [];
    entries[name].push({
      apiVersion: 'v2',
      created: '2026-01-01T00:00:00Z',
      digest,
      name,
      urls: [`${prefix}${name}-${version}.tgz`],
      version,
    });
  }
  return stringify({ apiVersion: 'v1', entries, generated: '2026-01-01T00:00:00Z' });
}
