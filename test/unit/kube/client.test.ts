import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Access, type ApiClient, createApiClient, type ResourceType } from '../../../src/kube/index.ts';

const configMaps: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const open: { server: Server; client: ApiClient }[] = [];
afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    await client.close();
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers as the test says, and a client for it. */
async function clientOf(
  answer: Answer,
  {
    path = '',
    watchIdleLimitMs,
    ...access
  }: Partial<Access> & { path?: string; watchIdleLimitMs?: number } = {},
): Promise<ApiClient> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const client = createApiClient(
    { server: address, ...access },
    watchIdleLimitMs ? { watchIdleLimitMs } : {},
  );
  open.push({ server, client });
  return client;
}

function json(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const status = (code: number, reason: string, details: object = {}) => ({
  kind: 'Status',
  code,
  reason,
  message: 'as the server says',
  details,
});

describe('a call', () => {
  it('reaches a cluster that is served below a path, as proxies do', async () => {
    const seen: string[] = [];
    const client = await clientOf(
      ({ url = '' }, response) => {
        seen.push(url);
        json(response, 200, { metadata: { name: 'x' } });
      },
      { path: '/k8s/clusters/c-1/' },
    );
    await client.get(configMaps, { namespace: 'a b', name: '../x' });
    expect(seen).toEqual(['/k8s/clusters/c-1/api/v1/namespaces/a%20b/configmaps/..%2Fx']);
  });

  it.each([
    [404, status(404, 'NotFound', { name: 'x', kind: 'configmaps' }), 'NotFound'],
    [404, status(404, 'NotFound', { name: 'ns', kind: 'namespaces' }), 'NamespaceNotFound'],
    [404, 'page not found', 'KindNotServed'],
    [409, status(409, 'AlreadyExists', { name: 'x' }), 'AlreadyExists'],
    [409, status(409, 'Conflict', { name: 'x' }), 'Conflict'],
    [410, status(410, 'Expired'), 'Gone'],
    [422, status(422, 'Invalid'), 'Invalid'],
    [
      500,
      {
        ...status(500, ''),
        message: 'failed to create typed patch object (x): .spec.nope: field not declared in schema',
      },
      'Invalid',
    ],
    [500, 'oh no', 'ServerError'],
    [403, status(403, 'Forbidden'), 'Forbidden'],
  ])('that is answered with %i %j fails with a reason to switch on', async (code, body, reason) => {
    const client = await clientOf((_, response) => json(response, code, body));
    await expect(client.get(configMaps, { namespace: 'ns', name: 'x' })).rejects.toMatchObject({ reason });
  });

  it('looks once more for its token after a 401, since tokens rotate', async () => {
    const asked: boolean[] = [];
    const client = await clientOf(
      ({ headers }, response) =>
        headers.authorization === 'Bearer new'
          ? json(response, 200, { metadata: {} })
          : json(response, 401, status(401, 'Unauthorized')),
      {
        headers: ({ refresh }) => {
          asked.push(refresh);
          return Promise.resolve({ authorization: refresh ? 'Bearer new' : 'Bearer old' });
        },
      },
    );
    await client.get(configMaps, { namespace: 'ns', name: 'x' });
    expect(asked).toEqual([false, true]);
  });

  it('waits as long as a busy server asks for, and then goes on', async () => {
    let calls = 0;
    const client = await clientOf((_, response) =>
      ++calls < 3
        ? json(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '0' })
        : json(response, 200, { metadata: {} }),
    );
    await client.get(configMaps, { namespace: 'ns', name: 'x' });
    expect(calls).toBe(3);
  });

  it('ends at its deadline, and says who was silent', async () => {
    const client = await clientOf(() => undefined);
    await expect(
      client.get(configMaps, { namespace: 'ns', name: 'x' }, { deadlineMs: 60 }),
    ).rejects.toMatchObject({
      reason: 'Timeout',
      message: expect.stringContaining('"get configmaps"') as string,
    });
  });

  it('ends when its caller loses interest', async () => {
    const client = await clientOf(() => undefined);
    const interest = new AbortController();
    const call = client.get(configMaps, { namespace: 'ns', name: 'x' }, { signal: interest.signal });
    interest.abort();
    await expect(call).rejects.toMatchObject({ reason: 'Cancelled' });
  });

  it('to nobody is Unreachable, without the token in its words', async () => {
    const client = createApiClient({
      server: 'https://127.0.0.1:1',
      headers: () => Promise.resolve({ authorization: 'Bearer s3cret' }),
    });
    const error: unknown = await client
      .get(configMaps, { namespace: 'ns', name: 'x' })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ reason: 'Unreachable' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('s3cret');
    await client.close();
  });

  it('refuses an answer that is too large to be honest', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'content-length': String(1024 ** 3) }).write('{');
    });
    await expect(client.get(configMaps, { namespace: 'ns', name: 'x' })).rejects.toMatchObject({
      reason: 'AnswerTooLarge',
    });
  });
});

describe('a list', () => {
  it('follows the pages and gives the version of the whole', async () => {
    const client = await clientOf(({ url = '' }, response) => {
      const next = new URL(url, 'http://x').searchParams.get('continue');
      json(response, 200, {
        metadata: { resourceVersion: '7', ...(next ? {} : { continue: 'page 2' }) },
        items: [{ metadata: { name: next ? 'b' : 'a' } }],
      });
    });
    const names: string[] = [];
    for await (const { items, resourceVersion } of client.list(configMaps)) {
      expect(resourceVersion).toBe('7');
      names.push(...items.map(({ metadata }) => metadata.name));
    }
    expect(names).toEqual(['a', 'b']);
  });
});

describe('a watch', () => {
  const event = (type: string, name: string) =>
    `${JSON.stringify({ type, object: { metadata: { name, resourceVersion: '1' } } })}\n`;

  async function namesOf(client: ApiClient): Promise<string[]> {
    const names: string[] = [];
    for await (const seen of client.watch(configMaps, { resourceVersion: '0' })) {
      names.push(
        seen.type === 'BOOKMARK'
          ? `bookmark ${seen.resourceVersion}`
          : `${seen.type} ${seen.object.metadata.name}`,
      );
    }
    return names;
  }

  it('puts lines together however the network cuts them, umlauts included', async () => {
    const client = await clientOf((_, response) => {
      const bytes = Buffer.from(event('ADDED', 'über') + event('BOOKMARK', 'x') + event('DELETED', 'ende'));
      const step = 7;
      const send = (at: number) => {
        if (at >= bytes.length) return response.end();
        response.write(bytes.subarray(at, at + step));
        return setImmediate(() => send(at + step));
      };
      send(0);
    });
    expect(await namesOf(client)).toEqual(['ADDED über', 'bookmark 1', 'DELETED ende']);
  });

  it('that is told its version is too old fails as Gone', async () => {
    const client = await clientOf((_, response) => {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })}\n`,
      );
    });
    await expect(namesOf(client)).rejects.toMatchObject({ reason: 'Gone' });
  });

  it('that dies silently is noticed', async () => {
    const client = await clientOf(
      (_, response) => {
        response.write(event('ADDED', 'last word'));
      },
      { watchIdleLimitMs: 80 },
    );
    await expect(namesOf(client)).rejects.toMatchObject({ reason: 'Timeout' });
  });

  it('that lives is left alone, however long it takes', async () => {
    const client = await clientOf(
      (_, response) => {
        let count = 0;
        const timer = setInterval(() => {
          response.write(event('ADDED', `n${++count}`));
          if (count === 6) {
            clearInterval(timer);
            response.end();
          }
        }, 40);
      },
      { watchIdleLimitMs: 100 },
    );
    expect(await namesOf(client)).toHaveLength(6);
  });

  it('does not take half a line for an event', async () => {
    const client = await clientOf((_, response) =>
      response.end(event('ADDED', 'whole') + '{"type":"ADDED","obj'),
    );
    expect(await namesOf(client)).toEqual(['ADDED whole']);
  });
});
