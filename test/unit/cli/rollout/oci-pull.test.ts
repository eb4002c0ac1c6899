import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { credentialsFor } from '../../../../src/cli/rollout/docker-credentials.ts';
import { pullArtefact } from '../../../../src/cli/rollout/oci-pull.ts';
import { parseOciReference } from '../../../../src/cli/rollout/oci-reference.ts';
import { manifestsIn } from '../../../../src/cli/rollout/read-manifests.ts';
import { untar } from '../../../../src/cli/rollout/untar.ts';

const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n';
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-oci-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** An archive as the system's own tar makes it. */
function tarOf(files: Readonly<Record<string, string>>, ...options: readonly string[]): Buffer {
  const root = mkdtempSync(join(dir, 'tar-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return execFileSync('tar', [...options, '-cf', '-', '-C', root, '.']);
}

describe('an archive', () => {
  const longPath = `${'a-rather-long-directory-name/'.repeat(8)}settings.yaml`;

  it.each(['gnu', 'posix', 'ustar'])('of the form %s gives its files', (form) => {
    const files = untar(tarOf({ 'base/settings.yaml': configMap, 'empty.yaml': '' }, `--format=${form}`));
    expect([...files.keys()].toSorted()).toEqual(['base/settings.yaml', 'empty.yaml']);
    expect(Buffer.from(files.get('base/settings.yaml') ?? []).toString()).toBe(configMap);
  });

  it.each(['gnu', 'posix'])('of the form %s gives long paths whole', (form) => {
    expect([...untar(tarOf({ [longPath]: configMap }, `--format=${form}`)).keys()]).toEqual([longPath]);
  });

  it('never leads out of its directory', () => {
    const evil = tarOf({ 'settings.yaml': configMap }, '--transform=s,settings,../../settings,', '-P');
    expect(() => untar(evil)).toThrow('leads out of it');
  });

  it('that breaks off is refused', () => {
    const whole = tarOf({ 'settings.yaml': 'x'.repeat(5000) });
    expect(() => untar(whole.subarray(0, 2500))).toThrow('ends in the middle');
  });
});

interface RegistryParts {
  /** Lets go only whoever has this name and password. */
  readonly user?: string;
  /** What is answered instead of a blob's bytes. */
  readonly tamper?: (blob: Buffer) => Buffer;
  readonly index?: boolean;
}

/** A registry with one artefact `shop/web:1`, each layer as given. */
async function startRegistry(
  layers: readonly { readonly bytes: Buffer; readonly title?: string }[],
  parts: RegistryParts = {},
) {
  const blobs = new Map(layers.map(({ bytes }) => [digestOf(bytes), bytes]));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      ...(parts.index
        ? { manifests: [] }
        : {
            layers: layers.map(({ bytes, title }) => ({
              digest: digestOf(bytes),
              size: bytes.length,
              ...(title ? { annotations: { 'org.opencontainers.image.title': title } } : {}),
            })),
          }),
    }),
  );
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, origin, searchParams } = new URL(request.url ?? '', `http://${request.headers.host}`);
    const { authorization } = request.headers;
    asked.push(`${pathname} ${authorization?.split(' ')[0] ?? 'anonymous'}`);
    if (pathname === '/token') {
      const isKnown = authorization === `Basic ${Buffer.from(parts.user ?? '').toString('base64')}`;
      const isAsked = searchParams.get('scope') === 'repository:shop/web:pull';
      return void response
        .writeHead(isKnown && isAsked ? 200 : 401)
        .end(JSON.stringify({ token: 'letmein' }));
    }
    if (parts.user && authorization !== 'Bearer letmein') {
      const challenge = `Bearer realm="${origin}/token",service="registry"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    const blob = blobs.get(pathname.split('/').at(-1) ?? '');
    if (blob) return void response.end(parts.tamper?.(blob) ?? blob);
    const isManifest = [`/v2/shop/web/manifests/1`, `/v2/shop/web/manifests/${digestOf(manifest)}`].includes(
      pathname,
    );
    response.writeHead(isManifest ? 200 : 404).end(isManifest ? manifest : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    asked,
    digest: digestOf(manifest),
    pull: (version = ':1') => pullArtefact(parseOciReference(`${host}/shop/web${version}`)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('an artefact', () => {
  beforeEach(() => {
    // Whoever runs the tests may be logged in somewhere.
    process.env['DOCKER_CONFIG'] = mkdtempSync(join(dir, 'docker-'));
  });

  const login = (host: string, user: string) =>
    writeFileSync(
      join(process.env['DOCKER_CONFIG'] ?? '', 'config.json'),
      JSON.stringify({ auths: { [host]: { auth: Buffer.from(user).toString('base64') } } }),
    );

  it.each([
    ['a gzipped archive', { bytes: () => tarOf({ 'a.yaml': configMap }, '--gzip') }],
    ['an archive', { bytes: () => tarOf({ 'a.yaml': configMap }) }],
    ['a file with a title', { bytes: () => Buffer.from(configMap), title: 'a.yaml' }],
    ['a file without one', { bytes: () => Buffer.from(configMap) }],
  ])('gives the objects of %s', async (_, { bytes, ...rest }) => {
    await using registry = await startRegistry([{ bytes: bytes(), ...rest }]);
    const { digest, files } = await registry.pull();
    expect(manifestsIn(files, 'it')).toMatchObject([{ kind: 'ConfigMap', metadata: { name: 'settings' } }]);
    expect(digest).toBe(registry.digest);
    expect((await registry.pull(`@${registry.digest}`)).digest).toBe(registry.digest);
  });

  it('is rendered where it is a kustomization', async () => {
    const bytes = tarOf({ 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': configMap }, '--gzip');
    await using registry = await startRegistry([{ bytes }]);
    expect(manifestsIn((await registry.pull()).files, 'it')).toBeUndefined();
  });

  it('is pulled with the login of docker, asked for once', async () => {
    await using registry = await startRegistry([{ bytes: Buffer.from(configMap) }], { user: 'alice:a:b' });
    login(registry.host, 'alice:a:b');
    await registry.pull();
    expect(registry.asked.map((each) => each.replace(/sha256:\S+/, 'BLOB'))).toEqual([
      '/v2/shop/web/manifests/1 anonymous',
      '/token Basic',
      '/v2/shop/web/manifests/1 Bearer',
      '/v2/shop/web/blobs/BLOB Bearer',
    ]);
  });

  it('that may not be pulled says how to log in', async () => {
    await using registry = await startRegistry([{ bytes: Buffer.from(configMap) }], { user: 'alice:pw' });
    await expect(registry.pull()).rejects.toThrow(`docker login ${registry.host}`);
    login(registry.host, 'alice:wrong');
    await expect(registry.pull()).rejects.toThrow(`docker login ${registry.host}`);
  });

  it('that was changed on the way is refused', async () => {
    const tamper = (blob: Buffer) => Buffer.from(blob.toString().replace('settings', 'sEttings'));
    await using registry = await startRegistry([{ bytes: Buffer.from(configMap) }], { tamper });
    await expect(registry.pull()).rejects.toMatchObject({ reason: 'ChecksumMismatch' });
  });

  it('whose layer is longer than it says is refused', async () => {
    const tamper = (blob: Buffer) => Buffer.concat([blob, blob]);
    await using registry = await startRegistry([{ bytes: Buffer.from(configMap) }], { tamper });
    await expect(registry.pull()).rejects.toThrow('larger than its manifest says');
  });

  it('that is absent, or an index of several, is told apart', async () => {
    await using registry = await startRegistry([{ bytes: Buffer.from(configMap) }]);
    await expect(registry.pull(':2')).rejects.toMatchObject({ reason: 'NotFound' });
    await using indexed = await startRegistry([], { index: true });
    await expect(indexed.pull()).rejects.toThrow('name one of them by its digest');
  });

  it('of a registry that is away says so', async () => {
    const gone = await startRegistry([]);
    await gone[Symbol.asyncDispose]();
    await expect(gone.pull()).rejects.toMatchObject({ reason: 'RegistryUnreachable' });
  });
});

describe('a login', () => {
  it('comes from a helper where one is set', async () => {
    const config = mkdtempSync(join(dir, 'docker-'));
    const bin = mkdtempSync(join(dir, 'bin-'));
    const helper = '#!/bin/sh\nread host; echo "{\\"Username\\":\\"bob\\",\\"Secret\\":\\"for $host\\"}"\n';
    writeFileSync(join(bin, 'docker-credential-test'), helper, { mode: 0o755 });
    writeFileSync(join(config, 'config.json'), JSON.stringify({ credHelpers: { 'r.example': 'test' } }));
    const before = process.env['PATH'];
    process.env['PATH'] = `${bin}:${before}`;
    try {
      const env = { DOCKER_CONFIG: config };
      expect(await credentialsFor('r.example', env)).toEqual({ username: 'bob', password: 'for r.example' });
      expect(await credentialsFor('other.example', env)).toBeUndefined();
    } finally {
      process.env['PATH'] = before;
    }
  });

  it('is none without a file, and a broken file is named', async () => {
    const config = mkdtempSync(join(dir, 'docker-'));
    expect(await credentialsFor('r.example', { DOCKER_CONFIG: config })).toBeUndefined();
    writeFileSync(join(config, 'config.json'), '{');
    await expect(credentialsFor('r.example', { DOCKER_CONFIG: config })).rejects.toThrow('config.json');
  });
});
