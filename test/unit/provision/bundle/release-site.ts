import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { imagesOf, kubeadmScript, plugins, program, sha256 } from './builders.ts';

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
};

/** What the site does with a request instead of answering it. */
export type Misdeed = 'answer' | 'break-off' | 'unavailable' | 'no-ranges' | 'lie';

export interface ReleaseSite extends AsyncDisposable {
  readonly mirrors: ReadonlyMap<string, string>;
  /** `METHOD PATH` of every request, with its range. */
  readonly asked: string[];
  /** Bytes of files and blobs that were sent. */
  sentBytes: number;
  /** Asked for each request, with how many for the same path came before it. */
  onRequest: (path: string, before: number) => Misdeed;
  readonly user: { readonly username: string; readonly password: string };
  /** Files by path; change them to break them. */
  readonly files: Map<string, Buffer>;
}

export const extraImage = 'ghcr.io/acme/agent:v1';
const flannelImages = [
  'ghcr.io/flannel-io/flannel:v0.28.4',
  'ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1',
];

/** Plays dl.k8s.io, GitHub's releases and two registries, over plain HTTP: tokens, redirects, ranges and all. */
export async function startReleaseSite(version = '1.36.3'): Promise<ReleaseSite> {
  const files = new Map<string, Buffer>();
  for (const arch of ['amd64', 'arm64'] as const) await publish(files, version, arch);
  const registry = publishImages([...imagesOf(version), ...flannelImages, extraImage]);
  const token = 'a-token-for-reading';
  const counts = new Map<string, number>();
  const user = { username: 'acme', password: 'let me in' };
  const site = { asked: [] as string[], sentBytes: 0, onRequest: (): Misdeed => 'answer' } as {
    asked: string[];
    sentBytes: number;
    onRequest: ReleaseSite['onRequest'];
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const path = url.pathname;
    const { authorization, range } = request.headers;
    site.asked.push([path, range].filter(Boolean).join(' '));
    const before = counts.get(path) ?? 0;
    counts.set(path, before + 1);
    const misdeed = site.onRequest(path, before);
    if (misdeed === 'unavailable') return void response.writeHead(503).end();
    if (path === '/token') {
      const isPublic = !url.searchParams.get('scope')?.includes('acme/');
      const basic = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
      if (!isPublic && authorization !== basic) return void response.writeHead(401).end();
      return void response.end(JSON.stringify({ token }));
    }
    // Where blobs are kept is another host than the registry, and must not see its token.
    if (path.startsWith('/store/')) {
      if (authorization) return void response.writeHead(400).end('credentials have no place here');
      return send(request, response, registry.blobs.get(path.slice('/store/'.length)), misdeed);
    }
    const file = files.get(path);
    if (file) return send(request, response, file, misdeed);
    const [, name = '', what = '', reference = ''] =
      /^\/v2\/\w+\/(.+)\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    if (what && authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="${url.origin}/token",service="test",scope="repository:${name}:pull"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    if (what === 'blobs') {
      const { port } = server.address() as AddressInfo;
      return void response.writeHead(307, { location: `http://localhost:${port}/store/${reference}` }).end();
    }
    const manifest = registry.manifests.get(`${name}:${reference}`);
    if (!manifest) return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    response.writeHead(200, { 'content-type': manifest.type }).end(misdeed === 'lie' ? '{}' : manifest.bytes);
  }

  function send(
    request: IncomingMessage,
    response: ServerResponse,
    file: Buffer | undefined,
    misdeed: Misdeed,
  ): void {
    if (!file) return void response.writeHead(404).end();
    const from =
      misdeed === 'no-ranges' ? 0 : Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= file.length && from > 0) return void response.writeHead(416).end();
    const bytes = Buffer.from(file.subarray(from));
    if (misdeed === 'lie') bytes[0] = (bytes[0] ?? 0) ^ 1;
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length });
    if (misdeed === 'break-off') {
      const half = bytes.subarray(0, Math.ceil(bytes.length / 2));
      site.sentBytes += half.length;
      response.write(half, () => setTimeout(() => response.destroy(), 20));
      return;
    }
    site.sentBytes += bytes.length;
    response.end(bytes);
  }

  const server = createServer(answer);
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  return Object.assign(site, {
    files,
    user,
    mirrors: new Map([
      ['dl.k8s.io', `${base}/dl`],
      ['github.com', `${base}/github`],
      ['registry.k8s.io', `${base}/k8s`],
      ['ghcr.io', `${base}/ghcr`],
    ]),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function publish(files: Map<string, Buffer>, version: string, arch: 'amd64' | 'arm64'): Promise<void> {
  const add = (path: string, content: Buffer, checksum: string, asList: boolean) => {
    files.set(path, content);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const line = asList ? `${sha256(content)}  ${name}\n` : sha256(content);
    files.set(checksum, Buffer.from(`${files.get(checksum)?.toString() ?? ''}${line}`));
  };
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) {
    const content = name === 'kubeadm' ? Buffer.from(kubeadmScript(version)) : program(name, arch);
    const path = `/dl/v${version}/bin/linux/${arch}/${name}`;
    add(path, content, `${path}.sha256`, false);
  }
  const release = (project: string, tag: string) => `/github/${project}/releases/download/${tag}`;
  const containerd = `${release('containerd/containerd', 'v2.3.4')}/containerd-2.3.4-linux-${arch}.tar.gz`;
  const containerdPrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'containerd-stress'];
  add(containerd, await zipped('bin/', containerdPrograms, arch), `${containerd}.sha256sum`, true);
  const runc = release('opencontainers/runc', 'v1.4.3');
  add(`${runc}/runc.${arch}`, program('runc', arch), `${runc}/runc.sha256sum`, true);
  const cni = `${release('containernetworking/plugins', 'v1.9.1')}/cni-plugins-linux-${arch}-v1.9.1.tgz`;
  add(cni, await zipped('./', plugins, arch), `${cni}.sha256`, true);
  const crictl = `${release('kubernetes-sigs/cri-tools', 'v1.36.0')}/crictl-v1.36.0-linux-${arch}.tar.gz`;
  add(crictl, await zipped('', ['crictl'], arch), `${crictl}.sha256`, false);
  const etcd = release('etcd-io/etcd', 'v3.6.8');
  const inEtcd = `etcd-v3.6.8-linux-${arch}`;
  add(
    `${etcd}/${inEtcd}.tar.gz`,
    await zipped(`${inEtcd}/`, ['etcd', 'etcdctl', 'etcdutl'], arch),
    `${etcd}/SHA256SUMS`,
    true,
  );
  files.set(
    `${release('flannel-io/flannel', 'v0.28.4')}/kube-flannel.yml`,
    Buffer.from(flannelImages.map((image) => `- image: ${image}\n`).join('')),
  );
}

async function zipped(folder: string, names: readonly string[], arch: 'amd64' | 'arm64'): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: `${folder}LICENSE`, mode: 0o644 }, 'a text');
  for (const name of names) archive.entry({ name: `${folder}${name}`, mode: 0o755 }, program(name, arch));
  archive.finalize();
  return gzipSync(await buffer(archive));
}

/** Each image for two machines below one index, and a statement beside them that is no image. */
function publishImages(references: readonly string[]) {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  const add = (content: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    blobs.set(digest, content);
    return { digest, size: content.length };
  };
  for (const reference of references) {
    const [, name = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(reference) ?? [];
    const entries = (['amd64', 'arm64'] as const).map((architecture) => {
      const config = add(Buffer.from(JSON.stringify({ architecture, os: 'linux', for: reference })));
      const layers = [
        `a layer of ${reference} for ${architecture}`,
        `a layer that all for ${architecture} share`,
      ];
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: types.manifest,
          config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
          layers: layers.map((layer) => ({
            mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
            ...add(gzipSync(layer.repeat(100))),
          })),
        }),
      );
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      manifests.set(`${name}:${digest}`, { bytes, type: types.manifest });
      return {
        mediaType: types.manifest,
        digest,
        size: bytes.length,
        platform: { os: 'linux', architecture },
      };
    });
    const statement = {
      ...entries[0],
      digest: `sha256:${'0'.repeat(64)}`,
      platform: { os: 'unknown', architecture: 'unknown' },
    };
    const index = { schemaVersion: 2, mediaType: types.index, manifests: [statement, ...entries] };
    manifests.set(`${name}:${tag}`, { bytes: Buffer.from(JSON.stringify(index)), type: types.index });
  }
  return { blobs, manifests };
}
