import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import type { Registry } from 'prom-client';
import { HansaError, messageOf } from '../base/index.ts';

/** Throws or rejects when something is not as it should be. */
export type Check = () => void | Promise<void>;

export interface HttpServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Address to listen on; all when absent. */
  readonly host?: string;
  /** What must hold for this replica to be ready, by name. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly registry: Registry;
  /** From here on `/readyz` says no, so that no new work is sent here while the rest drains. */
  readonly signal: AbortSignal;
}

export interface HttpServer {
  readonly port: number;
  /** Ends answers under way within a second, then cuts them. May be called again. */
  close(): Promise<void>;
}

/** A check that hangs would be a probe without an answer, and say nothing about why. */
const checkLimitMs = 5_000;
const closeLimitMs = 1_000;

/**
 * Serves `/healthz` (the process answers), `/readyz` (every check holds; `?verbose` names them) and `/metrics`.
 * @throws HansaError AddressInUse, ListenFailed
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(createApp(options));
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(options, error);
  }
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closed ??= new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), closeLimitMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

function createApp({ checks, registry, signal }: HttpServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok');
  });
  app.get('/readyz', async (request, response) => {
    const results = await Promise.all(Object.entries({ stop: stopCheck(signal), ...checks }).map(runCheck));
    const isReady = results.every(({ problem }) => problem === undefined);
    const lines = results.map(({ name, problem }) =>
      problem === undefined ? `[+] ${name} ok` : `[-] ${name}: ${problem}`,
    );
    const isVerbose = request.query.verbose !== undefined || !isReady;
    response
      .status(isReady ? 200 : 503)
      .type('text/plain')
      .send(isVerbose ? `${lines.join('\n')}\n${isReady ? 'ready' : 'not ready'}\n` : 'ok');
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

function stopCheck(signal: AbortSignal): Check {
  return () => {
    if (signal.aborted) throw new Error('stopping');
  };
}

async function runCheck([name, check]: [string, Check]): Promise<{
  name: string;
  problem: string | undefined;
}> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => limit.reject(new Error(`no answer within ${checkLimitMs / 1000} s`)),
    checkLimitMs,
  );
  try {
    await Promise.race([check(), limit.promise]);
    return { name, problem: undefined };
  } catch (error) {
    return { name, problem: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function listenError({ host = '', port }: HttpServerOptions, error: unknown): HansaError {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  const mend = isTaken
    ? ': something else listens there; choose another port with --listen'
    : `: ${messageOf(error)}`;
  return new HansaError(`cannot listen on ${host}:${port}${mend}`, {
    reason: isTaken ? 'AddressInUse' : 'ListenFailed',
    retry: 'never',
    cause: error,
  });
}
