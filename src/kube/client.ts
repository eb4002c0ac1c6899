import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerCertificate } from 'node:tls';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { HansaError, type Json, messageOf } from '../base/index.ts';
import type { Access } from './access.ts';
import { type KubeMetrics, noMetrics } from './metrics.ts';
import { resourcePath } from './resource-path.ts';
import { splitLines } from './split-lines.ts';
import { errorFromAnswer, errorFromWatch } from './status-error.ts';
import type {
  ApiClient,
  CallOptions,
  KubeObject,
  ListOptions,
  ListPage,
  ObjectRef,
  ResourceType,
  WatchEvent,
  WatchOptions,
} from './types.ts';

export interface ClientOptions {
  /** Label of the metrics: `host` or the member's name. */
  readonly name?: string;
  /** Time limit of a call that names none. */
  readonly deadlineMs?: number;
  /** A watch that brings no byte for this long is taken for dead. */
  readonly watchIdleLimitMs?: number;
  readonly userAgent?: string;
  readonly metrics?: KubeMetrics;
  /** The network; for tests. Calls and watches have one each, so that a long list can't starve the watches. */
  readonly dispatchers?: { readonly calls: Dispatcher; readonly watches: Dispatcher };
}

const defaultDeadlineMs = 30_000;
const connectTimeoutMs = 10_000;
const defaultPageSize = 500;
/** How often, and for how long at once, a call waits because the server asked it to; its deadline holds all the same. */
const maxWaits = 10;
const maxWaitSeconds = 10;
/** Connections for calls to one server over HTTP/1.1. HTTP/2 shares one; more sockets than this only queue in the server. */
const maxConnections = 32;
/** An answer above this is refused, so that a lying server can't fill the memory. Pages keep honest lists far below. */
const maxAnswerBytes = 128 * 1024 * 1024;
/** API servers send a bookmark about every minute; a watch without a byte for longer than this is dead. */
export const watchIdleLimitMs = 90_000;

interface Request {
  readonly verb: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly plural?: string;
}

/** Makes a client for one API server. Nothing is sent before the first call. */
export function createApiClient(access: Access, options: ClientOptions = {}): ApiClient {
  const {
    name = access.server,
    deadlineMs: usualDeadlineMs = defaultDeadlineMs,
    watchIdleLimitMs: idleLimitMs = watchIdleLimitMs,
    userAgent = 'hansa',
    metrics = noMetrics,
    dispatchers = { calls: dispatcherFor(access, maxConnections), watches: dispatcherFor(access, null) },
  } = options;
  const server = access.server;
  // Proxies such as Rancher's serve a cluster below a path.
  const { origin, pathname } = new URL(server);
  const basePath = pathname.replace(/\/+$/, '');

  async function send(
    dispatcher: Dispatcher,
    request: Request,
    accept: string,
    signal: AbortSignal,
    refresh: boolean,
  ): Promise<Dispatcher.ResponseData> {
    const authentication = access.headers ? await access.headers({ refresh }) : {};
    return dispatcher.request({
      origin,
      path: `${basePath}${request.path}`,
      method: request.method,
      headers: {
        accept,
        'user-agent': userAgent,
        ...(request.contentType ? { 'content-type': request.contentType } : {}),
        ...authentication,
      },
      body: request.body ?? null,
      signal,
      // The deadline below ends the call; a watch has its own idle limit.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async function call(
    request: Request,
    { signal, deadlineMs = usualDeadlineMs, metadataOnly }: CallOptions,
  ): Promise<string> {
    const started = performance.now();
    let code = 0;
    using limit = limitTime(deadlineMs, signal);
    try {
      const accept = acceptOf(metadataOnly, request.verb);
      let answer = await send(dispatchers.calls, request, accept, limit.signal, false);
      if (answer.statusCode === 401 && access.headers) {
        // A rotated token shows as a 401; one fresh look at its source settles whether it is that.
        await answer.body.dump();
        answer = await send(dispatchers.calls, request, accept, limit.signal, true);
      }
      for (let waits = 0; waits < maxWaits && asksToWait(answer); waits++) {
        await answer.body.dump();
        await sleep(Number(headerOf(answer, 'retry-after')) * 1000, undefined, { signal: limit.signal });
        answer = await send(dispatchers.calls, request, accept, limit.signal, false);
      }
      code = answer.statusCode;
      const text = await readText(answer, server);
      if (code >= 400) {
        throw errorFromAnswer({
          what: `${server} answered to "${request.verb} ${request.plural ?? request.path}"`,
          code,
          body: text,
          retryAfter: headerOf(answer, 'retry-after'),
          plural: request.plural,
        });
      }
      return text;
    } catch (error) {
      throw limit.explain(error, `"${request.verb} ${request.plural ?? request.path}" on ${server}`);
    } finally {
      metrics.onCall({ server: name, verb: request.verb, code, tookMs: performance.now() - started });
    }
  }

  async function callForObject<T extends KubeObject>(request: Request, options: CallOptions): Promise<T> {
    return JSON.parse(await call(request, options)) as T;
  }

  async function* list<T extends KubeObject>(
    type: ResourceType,
    { namespace, labelSelector, fieldSelector, limit = defaultPageSize, ...options }: ListOptions = {},
  ): AsyncGenerator<ListPage<T>> {
    let next: string | undefined;
    do {
      const path = resourcePath(type, { namespace }, { labelSelector, fieldSelector, limit, continue: next });
      const text = await call({ verb: 'list', method: 'GET', path, plural: type.plural }, options);
      const page = JSON.parse(text) as {
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
        readonly items?: readonly T[];
      };
      next = page.metadata?.continue || undefined;
      yield { items: page.items ?? [], resourceVersion: page.metadata?.resourceVersion ?? '' };
    } while (next);
  }

  async function* watch<T extends KubeObject>(
    type: ResourceType,
    {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion,
      timeoutSeconds = 290,
      signal,
      metadataOnly,
      onOpen,
    }: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const path = resourcePath(
      type,
      { namespace },
      {
        labelSelector,
        fieldSelector,
        resourceVersion,
        timeoutSeconds,
        watch: 1,
        allowWatchBookmarks: 'true',
      },
    );
    const what = `"watch ${type.plural}" on ${server}`;
    using idle = limitTime(idleLimitMs, signal);
    try {
      const accept = acceptOf(metadataOnly, 'watch');
      const request: Request = { verb: 'watch', method: 'GET', path, plural: type.plural };
      let answer = await send(dispatchers.watches, request, accept, idle.signal, false);
      if (answer.statusCode === 401 && access.headers) {
        await answer.body.dump();
        answer = await send(dispatchers.watches, request, accept, idle.signal, true);
      }
      if (answer.statusCode >= 400) {
        throw errorFromAnswer({
          what: `${server} answered to "watch ${type.plural}"`,
          code: answer.statusCode,
          body: await readText(answer, server),
          retryAfter: headerOf(answer, 'retry-after'),
          plural: type.plural,
        });
      }
      onOpen?.();
      for await (const line of splitLines(answer.body as AsyncIterable<Buffer>, {
        onBytes: () => idle.restart(),
      })) {
        yield decodeEvent<T>(line, what);
      }
    } catch (error) {
      throw idle.explain(error, what);
    }
  }

  return {
    server,
    list,
    watch,
    get: (type, ref, options = {}) =>
      callForObject(
        { verb: 'get', method: 'GET', path: resourcePath(type, ref), plural: type.plural },
        options,
      ),
    create: (type, object, { fieldManager, dryRun, subresource, ...options } = {}) =>
      callForObject(
        {
          verb: 'create',
          method: 'POST',
          path: resourcePath(
            type,
            subresource ? object.metadata : { namespace: object.metadata.namespace },
            { fieldManager, dryRun: dryRun ? 'All' : undefined },
            subresource,
          ),
          contentType: 'application/json',
          body: JSON.stringify(object),
          plural: type.plural,
        },
        options,
      ),
    replace: (type, object, { fieldManager, subresource, ...options } = {}) =>
      callForObject(
        {
          verb: 'update',
          method: 'PUT',
          path: resourcePath(type, object.metadata, { fieldManager }, subresource),
          contentType: 'application/json',
          body: JSON.stringify(object),
          plural: type.plural,
        },
        options,
      ),
    apply: (type, object, { fieldManager, force, dryRun, subresource, ...options }) =>
      callForObject(
        {
          verb: 'apply',
          method: 'PATCH',
          path: resourcePath(
            type,
            object.metadata,
            { fieldManager, force: force ? 'true' : undefined, dryRun: dryRun ? 'All' : undefined },
            subresource,
          ),
          contentType: 'application/apply-patch+yaml',
          body: JSON.stringify(object),
          plural: type.plural,
        },
        options,
      ),
    patch: (type, ref, patch: Json, { type: patchType, fieldManager, subresource, ...options }) =>
      callForObject(
        {
          verb: 'patch',
          method: 'PATCH',
          path: resourcePath(type, ref, { fieldManager }, subresource),
          contentType: patchType === 'merge' ? 'application/merge-patch+json' : 'application/json-patch+json',
          body: JSON.stringify(patch),
          plural: type.plural,
        },
        options,
      ),
    remove: async (type: ResourceType, ref: ObjectRef, { body, ...options } = {}) => {
      await call(
        {
          verb: 'delete',
          method: 'DELETE',
          path: resourcePath(type, ref),
          plural: type.plural,
          ...(body ? { contentType: 'application/json', body: JSON.stringify(body) } : {}),
        },
        options,
      );
    },
    raw: (path, { method = 'GET', body, ...options } = {}) =>
      call(
        {
          verb: method.toLowerCase(),
          method,
          path,
          ...(body === undefined ? {} : { contentType: 'application/json', body: JSON.stringify(body) }),
        },
        options,
      ),
    close: async () => {
      const closed = new HansaError(`the client of ${server} was closed`, { reason: 'Unreachable' });
      await Promise.all([dispatchers.calls.destroy(closed), dispatchers.watches.destroy(closed)]);
    },
  };
}

function acceptOf(metadataOnly: boolean | undefined, verb: string): string {
  if (!metadataOnly) return 'application/json';
  const kind = verb === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata';
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

function dispatcherFor(access: Access, connections: number | null): Dispatcher {
  const tls = tlsOptions(access);
  if (access.proxyUrl) {
    const proxy = new URL(access.proxyUrl);
    if (proxy.protocol.startsWith('socks5')) {
      return new Socks5ProxyAgent(access.proxyUrl, {
        requestTls: tls,
        ...(connections ? { connections } : {}),
      });
    }
    return new ProxyAgent({ uri: access.proxyUrl, requestTls: tls, ...(connections ? { connections } : {}) });
  }
  return new Agent({
    connect: connectorFor(access),
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 60_000,
  });
}

type TlsConnect = NonNullable<ProxyAgent.Options['requestTls']>;

/** Node can't leave out the validity period alone, so that case trusts first and then checks the rest by hand. */
function connectorFor(access: Access): buildConnector.connector {
  const connect = buildConnector({
    timeout: connectTimeoutMs,
    allowH2: false,
    ...tlsOptions(access),
  } as buildConnector.BuildOptions);
  if (!access.skipTls?.includes('validityPeriod') || access.skipTls.includes('all')) return connect;
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      const problem =
        socket instanceof TLSSocket ? problemBesidesDates(socket, access, options.hostname) : undefined;
      if (!problem) return callback(null, socket);
      socket.destroy();
      callback(problem, null);
    });
}

function problemBesidesDates(socket: TLSSocket, access: Access, hostname: string): Error | undefined {
  // The types say Error; Node gives the code.
  const code = socket.authorized ? '' : String(socket.authorizationError);
  if (code && !['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'].includes(code)) {
    return new Error(`the serving certificate is not trusted: ${code}`);
  }
  if (access.skipTls?.includes('subjectName')) return undefined;
  return checkServerIdentity(access.serverName ?? hostname, socket.getPeerCertificate());
}

function tlsOptions({ ca, cert, key, serverName, skipTls = [] }: Access): TlsConnect {
  const identity = skipTls.includes('subjectName')
    ? { checkServerIdentity: () => undefined }
    : serverName
      ? { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(serverName, peer) }
      : {};
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(serverName ? { servername: serverName } : {}),
    ...(skipTls.includes('all') || skipTls.includes('validityPeriod') ? { rejectUnauthorized: false } : {}),
    ...identity,
  } as TlsConnect;
}

interface TimeLimit extends Disposable {
  readonly signal: AbortSignal;
  restart(): void;
  /** The error to throw instead of what the network said: deadline, cancelled, or unreachable. */
  explain(error: unknown, what: string): unknown;
}

function limitTime(limitMs: number, outer: AbortSignal | undefined): TimeLimit {
  // One controller with one listener: AbortSignal.any on a signal that lives as long as the process costs per call.
  const controller = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, limitMs);
  const cancel = () => controller.abort(outer?.reason);
  if (outer?.aborted) cancel();
  else outer?.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    restart: () => timer.refresh(),
    explain: (error, what) => {
      if (error instanceof HansaError) return error;
      if (late) {
        return new HansaError(`${what} got no answer within ${limitMs / 1000} s`, {
          reason: 'Timeout',
          cause: error,
        });
      }
      if (outer?.aborted)
        return new HansaError(`${what} was cancelled`, { reason: 'Cancelled', cause: error });
      return new HansaError(`${what} failed: ${messageOf(error)}`, { reason: 'Unreachable', cause: error });
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', cancel);
    },
  };
}

async function readText({ body, headers }: Dispatcher.ResponseData, server: string): Promise<string> {
  const announced = Number(headers['content-length'] ?? 0);
  if (announced > maxAnswerBytes) {
    body.destroy();
    throw new HansaError(`${server} announced an answer of ${announced} bytes, more than Hansa reads`, {
      reason: 'AnswerTooLarge',
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxAnswerBytes) {
      body.destroy();
      throw new HansaError(`${server} sent an answer of more than ${maxAnswerBytes} bytes`, {
        reason: 'AnswerTooLarge',
      });
    }
    chunks.push(chunk);
  }
  return chunks.length === 1
    ? (chunks[0] as Buffer).toString('utf8')
    : Buffer.concat(chunks, size).toString('utf8');
}

/** 429 or a 5xx with Retry-After says that nothing was done yet; client-go waits and asks again, too. */
function asksToWait(answer: Dispatcher.ResponseData): boolean {
  const { statusCode } = answer;
  const seconds = Number(headerOf(answer, 'retry-after') ?? Number.NaN);
  return (statusCode === 429 || statusCode >= 500) && seconds >= 0 && seconds <= maxWaitSeconds;
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function decodeEvent<T extends KubeObject>(line: string, what: string): WatchEvent<T> {
  let event: { readonly type?: string; readonly object?: T };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (error) {
    throw new HansaError(`${what} sent a line that is not JSON`, { reason: 'ServerError', cause: error });
  }
  const { type, object } = event;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (object) return { type, object };
      break;
    case 'BOOKMARK':
      return { type, resourceVersion: object?.metadata.resourceVersion ?? '' };
    case 'ERROR':
      throw errorFromWatch(what, object);
    default:
      break;
  }
  throw new HansaError(`${what} sent an event of unknown type ${String(type)}`, { reason: 'ServerError' });
}
