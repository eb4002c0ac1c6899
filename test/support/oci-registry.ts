import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestOf, packChart } from './pack-chart.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

export interface OciRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly user: { readonly username: string; readonly password: string } | undefined;
}

/**
 * As much of an OCI registry as reading charts takes, over plain HTTP. With a user it wants what public ones want: a
 * token, which it gives for the password.
 */
export async function startOciRegistry({
  charts,
  user,
}: {
  readonly charts: Readonly<Record<string, readonly string[]>>;
  readonly user?: { readonly username: string; readonly password: string };
}): Promise<OciRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const add = (content: Buffer) => {
    const digest = `sha256:${digestOf(content)}`;
    blobs.set(digest, content);
    return { digest, size: content.length };
  };
  for (const [name, versions] of Object.entries(charts)) {
    for (const version of versions) {
      const { bytes } = await packChart(name, version);
      const config = add(Buffer.from(JSON.stringify({ apiVersion: 'v2', name, version })));
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: manifestType,
          config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', ...config },
          layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', ...add(bytes) }],
        }),
      );
      manifests.set(`charts/${name}:${version.replaceAll('+', '_')}`, manifest);
      manifests.set(`charts/${name}:sha256:${digestOf(manifest)}`, manifest);
    }
  }
  const token = 'a-token-for-reading';

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const { authorization } = request.headers;
    if (url.pathname === '/token') {
      const pair = Buffer.from(`${user?.username}:${user?.password}`).toString('base64');
      if (authorization !== `Basic ${pair}`) return void response.writeHead(401).end();
      return void response.end(JSON.stringify({ token }));
    }
    if (user && authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="${url.origin}/token",service="test"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    const [, name = '', what = '', reference = ''] =
      /^\/v2\/(.+)\/(tags|manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    if (url.pathname === '/v2/') return void response.end('{}');
    const body = what === 'blobs' ? blobs.get(reference) : manifests.get(`${name}:${reference}`);
    const tags = [...manifests.keys()]
      .filter((key) => key.startsWith(`${name}:`) && !key.includes(':sha256:'))
      .map((key) => key.slice(name.length + 1));
    if (what === 'tags' && tags.length > 0) return void response.end(JSON.stringify({ name, tags }));
    if (!body) {
      const errors = [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }];
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors }));
    }
    response.writeHead(200, {
      'content-type': what === 'manifests' ? manifestType : 'application/octet-stream',
      'content-length': body.length,
      'docker-content-digest': `sha256:${digestOf(body)}`,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    user,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
