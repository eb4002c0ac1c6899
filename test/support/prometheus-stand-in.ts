import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readBody } from 'node:stream/consumers';

/** A series of the answer: its labels and its value now. */
export interface StandInSeries {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusStandInOptions {
  /** Answers an instant query: a number (one series without labels), several series, or nothing (no data). */
  readonly answer: (query: string, nowMs: number) => number | undefined | readonly StandInSeries[];
  /** Demand this bearer token. */
  readonly token?: string;
}

export interface PrometheusStandIn extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Queries that were answered so far. */
  readonly queries: readonly string[];
  close(): Promise<void>;
}

type Refusal = readonly [code: number, errorType: string, error: string];

/** Speaks the part of Prometheus' HTTP API that a gate uses: instant queries, with its checks of the request. */
export async function startPrometheusStandIn(options: PrometheusStandInOptions): Promise<PrometheusStandIn> {
  const queries: string[] = [];
  const server = createServer((request, response) => {
    handle(request, response, options, queries).catch((error: unknown) => {
      send(response, 500, { status: 'error', errorType: 'internal', error: String(error) });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queries,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, token }: PrometheusStandInOptions,
  queries: string[],
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://prometheus');
  if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(401, { 'content-type': 'text/plain' }).end('Unauthorized\n');
    return;
  }
  if (pathname !== '/api/v1/query') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
    return;
  }
  if (request.method !== 'GET' && request.method !== 'POST') {
    response.writeHead(405, { allow: 'GET, OPTIONS, POST' }).end('Method Not Allowed\n');
    return;
  }
  const form = await formOf(request);
  const parameter = (name: string) => form.get(name) ?? searchParams.get(name) ?? '';
  const query = parameter('query');
  const refusal = refusalOf(query, parameter('time'), parameter('timeout'));
  if (refusal) {
    const [code, errorType, error] = refusal;
    send(response, code, { status: 'error', errorType, error });
    return;
  }
  const nowMs = parameter('time') === '' ? Date.now() : timeOf(parameter('time'));
  queries.push(query);
  const found = answer(query, nowMs);
  const series = typeof found === 'number' ? [{ value: found }] : (found ?? []);
  const result = series.map(({ labels = {}, value }: StandInSeries) => ({
    metric: labels,
    value: [nowMs / 1000, sampleText(value)],
  }));
  send(response, 200, { status: 'success', data: { resultType: 'vector', result } });
}

/** As Go's ParseForm: a body of another type is not looked at. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const body = await readBody(request);
  return new URLSearchParams(
    request.method === 'POST' && type === 'application/x-www-form-urlencoded' ? body : '',
  );
}

function refusalOf(query: string, time: string, timeout: string): Refusal | undefined {
  if (time !== '' && Number.isNaN(timeOf(time))) {
    const why = `cannot parse "${time}" to a valid timestamp`;
    return [400, 'bad_data', `invalid parameter "time": ${why}`];
  }
  if (timeout !== '' && !/^(?:[0-9]+(?:\.[0-9]+)?|(?:[0-9]+(?:ms|[smhdwy]))+)$/.test(timeout)) {
    return [400, 'bad_data', `invalid parameter "timeout": cannot parse "${timeout}" to a valid duration`];
  }
  const wrong = syntaxErrorIn(query);
  return wrong === undefined ? undefined : [400, 'bad_data', `invalid parameter "query": ${wrong}`];
}

function timeOf(text: string): number {
  return /^[0-9.]+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Brackets and strings that don't end: what goes wrong when a query is put together. */
function syntaxErrorIn(query: string): string | undefined {
  if (query.trim() === '') return 'unknown position: parse error: no expression found in input';
  const open: string[] = [];
  for (let at = 0; at < query.length; at++) {
    const character = query[at] ?? '';
    if (character === '#') {
      const end = query.indexOf('\n', at);
      at = end < 0 ? query.length : end;
    } else if ('"\'`'.includes(character)) {
      const end = endOfString(query, at);
      if (end === undefined) return `1:${at + 1}: parse error: unterminated quoted string`;
      at = end;
    } else if (closing[character]) {
      open.push(closing[character]);
    } else if (')]}'.includes(character) && open.pop() !== character) {
      return `1:${at + 1}: parse error: unexpected character: '${character}'`;
    }
  }
  return open.length > 0 ? 'parse error: unexpected end of input' : undefined;
}

function endOfString(query: string, start: number): number | undefined {
  const quote = query[start];
  for (let at = start + 1; at < query.length; at++) {
    if (query[at] === quote) return at;
    if (query[at] === '\n' && quote !== '`') return undefined;
    if (query[at] === '\\' && quote !== '`') at += 1;
  }
  return undefined;
}

function sampleText(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
