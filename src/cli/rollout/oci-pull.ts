import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import { HansaError, isJsonObject, type JsonObject, messageOf } from '../../base/index.ts';
import { credentialsFor, type RegistryCredentials } from './docker-credentials.ts';
import { type OciReference, registryUrl } from './oci-reference.ts';
import { isTar, untar } from './untar.ts';

/** Manifests for a Rollout have to fit into one object of the host; an artefact far above that is something else. */
const maxArtefactBytes = 32 * 1024 * 1024;
const maxManifestBytes = 4 * 1024 * 1024;
const callLimitMs = 60_000;
const maxRedirects = 5;

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const acceptedTypes = [
  ...manifestTypes,
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

export interface Artefact {
  /** Of the manifest: the very thing that was pulled, whatever its tag says tomorrow. */
  readonly digest: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface Session {
  readonly reference: OciReference;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal | undefined;
  authorization: string | undefined;
}

/**
 * Pulls an artefact as oras, flux and helm push them: layers that are a tar (gzipped or not) are unpacked, others are
 * files under their title. Every byte is checked against the digest that names it.
 */
export async function pullArtefact(reference: OciReference, signal?: AbortSignal): Promise<Artefact> {
  const agent = new EnvHttpProxyAgent();
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));
  const session: Session = { reference, dispatcher, signal, authorization: undefined };
  try {
    const { digest, manifest } = await readManifest(session);
    const files = new Map<string, Uint8Array>();
    let sizeBytes = 0;
    for (const layer of layersOf(manifest, reference)) {
      sizeBytes += layer.sizeBytes;
      if (sizeBytes > maxArtefactBytes) throw tooLarge(reference);
      const blob = await read(session, `blobs/${layer.digest}`, '*/*', layer.sizeBytes);
      verify(blob, layer.digest, reference);
      for (const [path, file] of unpacked(blob, layer, reference)) files.set(path, file);
    }
    return { digest, files };
  } finally {
    await agent.close();
  }
}

async function readManifest(session: Session): Promise<{ digest: string; manifest: JsonObject }> {
  const { reference } = session;
  const bytes = await read(session, `manifests/${reference.version}`, acceptedTypes, maxManifestBytes);
  if (reference.version.startsWith('sha256:')) verify(bytes, reference.version, reference);
  const manifest: unknown = parseJson(bytes, reference);
  if (!isJsonObject(manifest)) throw unreadable(reference, 'its manifest is not an object');
  if (Array.isArray(manifest['manifests'])) {
    throw unreadable(reference, 'it is an index of several artefacts: name one of them by its digest');
  }
  return { digest: digestOf(bytes), manifest };
}

interface Layer {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly title: string | undefined;
}

function layersOf({ layers }: JsonObject, reference: OciReference): readonly Layer[] {
  if (!Array.isArray(layers) || layers.length === 0) throw unreadable(reference, 'it has no layers');
  return layers.map((layer: unknown): Layer => {
    const { digest, size, annotations } = isJsonObject(layer) ? layer : {};
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest) || typeof size !== 'number') {
      throw unreadable(reference, 'a layer has no sha256 digest and size');
    }
    const title = isJsonObject(annotations) ? annotations['org.opencontainers.image.title'] : undefined;
    return { digest, sizeBytes: size, title: typeof title === 'string' ? title : undefined };
  });
}

/** By what the bytes are, since every tool has media types of its own. */
function unpacked(
  blob: Uint8Array,
  { digest, title }: Layer,
  reference: OciReference,
): ReadonlyMap<string, Uint8Array> {
  const bytes = isGzip(blob) ? unzip(blob, reference) : blob;
  return isTar(bytes) ? untar(bytes) : new Map([[title ?? `${digest.slice(7, 19)}.yaml`, bytes]]);
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unzip(blob: Uint8Array, reference: OciReference): Uint8Array {
  try {
    return gunzipSync(blob, { maxOutputLength: maxArtefactBytes });
  } catch (error) {
    throw unreadable(reference, `a layer cannot be unpacked: ${messageOf(error)}`);
  }
}

/** One GET; on the first 401 the registry says where a token is to be had. */
async function read(session: Session, path: string, accept: string, maxBytes: number): Promise<Uint8Array> {
  const { reference } = session;
  const url = `${registryUrl(reference)}/v2/${reference.repository}/${path}`;
  let answer = await get(session, url, accept);
  if (answer.statusCode === 401 && session.authorization === undefined) {
    await answer.body.dump();
    session.authorization = await authorize(session, headerOf(answer, 'www-authenticate'));
    answer = await get(session, url, accept);
  }
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw refused(reference, answer.statusCode);
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of answer.body) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > maxBytes) throw tooLarge(reference);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof HansaError) throw error;
    throw unreachable(reference, error);
  }
  return Buffer.concat(chunks);
}

async function get(session: Session, url: string, accept: string): Promise<Dispatcher.ResponseData> {
  const { reference, dispatcher, signal, authorization } = session;
  const limit = AbortSignal.timeout(callLimitMs);
  try {
    return await request(url, {
      dispatcher,
      headers: { accept, 'user-agent': 'hansa', ...(authorization ? { authorization } : {}) },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(reference, error);
  }
}

async function authorize(session: Session, challenge: string | undefined): Promise<string> {
  const { reference } = session;
  const credentials = await credentialsFor(reference.registry);
  const basic = credentials ? basicOf(credentials) : undefined;
  const [scheme = ''] = (challenge ?? '').split(' ', 1);
  if (scheme.toLowerCase() === 'basic') {
    if (!basic) throw refused(reference, 401);
    return basic;
  }
  const fields = Object.fromEntries(
    [...(challenge ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  if (scheme.toLowerCase() !== 'bearer' || !fields['realm']) throw refused(reference, 401);
  const url = new URL(fields['realm']);
  // Credentials go to the registry's own word for a token service, but never over plain HTTP to another machine.
  if (url.protocol !== 'https:' && registryUrl(reference).startsWith('https:')) throw refused(reference, 401);
  if (fields['service']) url.searchParams.set('service', fields['service']);
  url.searchParams.set('scope', fields['scope'] ?? `repository:${reference.repository}:pull`);
  const answer = await get({ ...session, authorization: basic }, url.href, 'application/json');
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw refused(reference, answer.statusCode);
  }
  const body: unknown = await answer.body.json();
  const { token, access_token: accessToken } = isJsonObject(body) ? body : {};
  const found = token ?? accessToken;
  if (typeof found !== 'string') throw refused(reference, 401);
  return `Bearer ${found}`;
}

function basicOf({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function verify(bytes: Uint8Array, digest: string, reference: OciReference): void {
  const actual = digestOf(bytes);
  if (actual === digest) return;
  throw new HansaError(
    `${reference.text}: what came has the digest ${actual} instead of ${digest}: try again; if it stays so, something on the way changes it`,
    { reason: 'ChecksumMismatch', retry: 'never' },
  );
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function parseJson(bytes: Uint8Array, reference: OciReference): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw unreadable(reference, `its manifest is not JSON: ${messageOf(error)}`);
  }
}

function unreadable({ text }: OciReference, why: string): HansaError {
  return new HansaError(`the artefact ${text} cannot be used: ${why}`, {
    reason: 'ArtefactUnreadable',
    retry: 'never',
  });
}

function tooLarge(reference: OciReference): HansaError {
  return unreadable(reference, `it is larger than its manifest says, or than ${maxArtefactBytes >> 20} MiB`);
}

function unreachable(reference: OciReference, error: unknown): HansaError {
  return new HansaError(`the registry ${reference.registry} cannot be reached: ${messageOf(error)}`, {
    reason: 'RegistryUnreachable',
    cause: error,
  });
}

function refused({ registry, text }: OciReference, code: number): HansaError {
  if (code === 404) {
    return new HansaError(`the registry has no artefact ${text}: check its name and tag`, {
      reason: 'NotFound',
      retry: 'never',
    });
  }
  const told =
    code === 401 || code === 403
      ? `${code}: log in with "docker login ${registry}", and see that the account may pull`
      : String(code);
  return new HansaError(`the registry ${registry} refused ${text}: ${told}`, {
    reason: 'RegistryRefused',
    retry: code >= 500 ? 'backoff' : 'never',
  });
}
