import { afterEach, describe, expect, it } from 'vitest';
import { type Check, type HttpServer, startHttpServer } from '../../../src/main/http-server.ts';
import { createMetrics } from '../../../src/telemetry/index.ts';

const servers: HttpServer[] = [];

async function serve(checks: Readonly<Record<string, Check>> = {}, options: { readonly port?: number } = {}) {
  const stop = new AbortController();
  const server = await startHttpServer({
    port: options.port ?? 0,
    host: '127.0.0.1',
    checks,
    registry: createMetrics().registry,
    signal: stop.signal,
  });
  servers.push(server);
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  return { server, stop, ask };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('the HTTP server', () => {
  it('says that it is alive and ready', async () => {
    const { ask } = await serve({ host: () => Promise.resolve(), caches: () => undefined });
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'ok' });
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ok' });
    expect((await ask('/readyz?verbose')).text).toBe('[+] stop ok\n[+] host ok\n[+] caches ok\nready\n');
  });

  it('names what keeps it from being ready, and stays alive', async () => {
    const { ask } = await serve({
      host: () => Promise.reject(new Error('no route')),
      caches: () => {
        throw new Error('not read yet');
      },
      fine: () => undefined,
    });
    const { status, text } = await ask('/readyz');
    expect(status).toBe(503);
    expect(text).toBe('[+] stop ok\n[-] host: no route\n[-] caches: not read yet\n[+] fine ok\nnot ready\n');
    expect((await ask('/healthz')).status).toBe(200);
  });

  it('is not ready any more once it was asked to stop', async () => {
    const { ask, stop } = await serve();
    stop.abort();
    expect(await ask('/readyz')).toMatchObject({ status: 503 });
    expect((await ask('/healthz')).status).toBe(200);
  });

  it('serves the metrics as Prometheus wants them', async () => {
    const { ask } = await serve();
    const { status, type, text } = await ask('/metrics');
    expect(status).toBe(200);
    expect(type).toContain('text/plain; version=0.0.4');
    expect(text).toContain('# TYPE hansa_kube_calls_total counter');
  });

  it('says which flag helps when the port is taken', async () => {
    const { server } = await serve();
    await expect(serve({}, { port: server.port })).rejects.toMatchObject({
      reason: 'AddressInUse',
      message: expect.stringContaining('--listen'),
    });
  });

  it('closes although a connection is kept open, and frees the port', async () => {
    const { server, ask } = await serve();
    await ask('/healthz');
    await server.close();
    await server.close();
    const again = await serve({}, { port: server.port });
    expect((await again.ask('/healthz')).status).toBe(200);
  });

  it('does not know other paths', async () => {
    const { ask } = await serve();
    expect((await ask('/debug')).status).toBe(404);
  });
});
