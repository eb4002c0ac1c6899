import { createHash } from 'node:crypto';
import { HansaError, isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { BundleBlob } from '../../engine/executor.ts';
import { manifestBlobs, mediaTypes, parseObject } from '../image-manifest.ts';
import { fullReference } from '../image-reference.ts';
import { type Answer, expectOk, type HttpSource, readAll } from './http-source.ts';
import { type Mirrors, registryBase } from './mirrors.ts';

const maxManifestBytes = 4 * 1024 * 1024;
const acceptedTypes = [...mediaTypes.manifests, ...mediaTypes.indexes].join(', ');

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface RegistryOptions {
  readonly http: HttpSource;
  readonly mirrors: Mirrors;
  /** What was stored for a registry by `docker login`. */
  readonly loginFor: (host: string) => Promise<RegistryLogin | undefined>;
  readonly signal?: AbortSignal | undefined;
}

/** An image of one architecture, its manifest read, its blobs not yet. */
export interface FoundImage {
  /** With its registry. */
  readonly name: string;
  /** Hex. */
  readonly digest: string;
  readonly mediaType: string;
  readonly manifest: Buffer;
  /** Configuration and layers. */
  readonly blobs: readonly BundleBlob[];
  /** Loads one of them into a file. */
  load(blob: BundleBlob, path: string, onBytes?: (bytes: number) => void): Promise<void>;
}

/** Reads images from registries. What comes is compared with the digest that names it. */
export class Registry {
  readonly #options: RegistryOptions;
  /** `authorization` by repository. */
  readonly #authorizations = new Map<string, string>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** @throws HansaError ImageNotFound, ImageUnreadable, RegistryRefused, SiteUnreachable */
  async find(reference: string, arch: string): Promise<FoundImage> {
    const image = takeApart(reference);
    const url = `${registryBase(image.registry, this.#options.mirrors)}/${image.repository}`;
    const first = await this.#manifest(image, url, image.version);
    const chosen = Array.isArray(first.content['manifests'])
      ? await this.#manifest(image, url, digestFor(first.content, arch, image.name))
      : first;
    const refuse = (why: string) => unreadable(image.name, why);
    const parts = manifestBlobs(chosen.content, refuse);
    return {
      name: image.name,
      digest: chosen.digest,
      mediaType: chosen.mediaType,
      manifest: chosen.bytes,
      blobs: parts.map(({ digest, size }) => ({ sha256: digest.slice('sha256:'.length), sizeBytes: size })),
      load: (blob, path, onBytes) => this.#load(image, url, blob, path, onBytes),
    };
  }

  async #manifest(image: Reference, url: string, version: string) {
    const { signal } = this.#options;
    const at = `${url}/manifests/${version}`;
    const answer = await this.#ask(image, at, { accept: acceptedTypes });
    if (answer.statusCode === 404) {
      await answer.body.dump();
      throw new HansaError(`the registry has no image ${image.name}: check its name and tag`, {
        reason: 'ImageNotFound',
        retry: 'never',
      });
    }
    const bytes = await readAll(at, expectOk(at, answer), maxManifestBytes, signal);
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (version.startsWith('sha256:') && version !== `sha256:${digest}`) {
      throw unreadable(image.name, `what came has the digest sha256:${digest} instead of ${version}`);
    }
    const content = parseObject(bytes, (why) => unreadable(image.name, why));
    const told = content['mediaType'] ?? headerOf(answer, 'content-type')?.split(';')[0];
    return { bytes, digest, content, mediaType: typeof told === 'string' ? told : mediaTypes.manifest };
  }

  async #load(
    image: Reference,
    url: string,
    { sha256 }: BundleBlob,
    path: string,
    onBytes?: (bytes: number) => void,
  ): Promise<void> {
    const { http, signal } = this.#options;
    const at = `${url}/blobs/sha256:${sha256}`;
    const load = async () => {
      const authorization = this.#authorizations.get(image.repository);
      await http.file({
        url: at,
        path,
        sha256,
        mode: 0o644,
        signal,
        ...(authorization ? { headers: { authorization } } : {}),
        ...(onBytes ? { onBytes } : {}),
      });
    };
    try {
      await load();
    } catch (error) {
      // A token lives some minutes, and the layers before this one may have taken longer.
      if (!(error instanceof HansaError) || !error.message.includes('answered 401')) throw error;
      this.#authorizations.delete(image.repository);
      const probe = await this.#ask(image, `${url}/manifests/${image.version}`, { accept: acceptedTypes });
      await probe.body.dump();
      await load();
    }
  }

  /** One GET; on the first 401 the registry says where a token is to be had. */
  async #ask(image: Reference, url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const { http, signal } = this.#options;
    const authorization = this.#authorizations.get(image.repository);
    const first = await http.get(url, {
      signal,
      headers: { ...headers, ...(authorization ? { authorization } : {}) },
    });
    if (first.statusCode !== 401 && first.statusCode !== 403) return first;
    await first.body.dump();
    if (first.statusCode === 403) throw refusedBy(image, 403);
    const token = await this.#authorize(image, url, headerOf(first, 'www-authenticate') ?? '');
    this.#authorizations.set(image.repository, token);
    const second = await http.get(url, { signal, headers: { ...headers, authorization: token } });
    if (second.statusCode !== 401 && second.statusCode !== 403) return second;
    await second.body.dump();
    throw refusedBy(image, second.statusCode);
  }

  async #authorize(image: Reference, asked: string, challenge: string): Promise<string> {
    const { http, loginFor, signal } = this.#options;
    const host = new URL(asked).host;
    const login = (await loginFor(image.registry)) ?? (await loginFor(host));
    const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    const [scheme = ''] = challenge.split(' ', 1);
    if (scheme.toLowerCase() === 'basic' && basic) return basic;
    const fields = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    if (scheme.toLowerCase() !== 'bearer' || !fields['realm'] || !URL.canParse(fields['realm'])) {
      throw refusedBy(image, 401);
    }
    const url = new URL(fields['realm']);
    // Credentials go to the registry's own word for a token service, but never over plain HTTP to another machine.
    if (url.protocol !== 'https:' && asked.startsWith('https:')) throw refusedBy(image, 401);
    if (fields['service']) url.searchParams.set('service', fields['service']);
    url.searchParams.set('scope', fields['scope'] ?? `repository:${image.repository}:pull`);
    const answer = await http.get(url.href, {
      signal,
      headers: { accept: 'application/json', ...(basic ? { authorization: basic } : {}) },
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw refusedBy(image, answer.statusCode);
    }
    const body = parseObject(await readAll(url.href, answer, maxManifestBytes, signal), () =>
      refusedBy(image, 401),
    );
    const token = body['token'] ?? body['access_token'];
    if (typeof token !== 'string') throw refusedBy(image, 401);
    return `Bearer ${token}`;
  }
}

interface Reference {
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  /** Tag, or `sha256:…`. */
  readonly version: string;
}

const shape =
  /^(?<registry>[\w.:[\]-]+)\/(?<repository>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

function takeApart(text: string): Reference {
  const name = fullReference(text);
  const { registry, repository, tag, digest } = shape.exec(name)?.groups ?? {};
  const version = digest ?? tag;
  if (!registry || !repository || !version) {
    throw new HansaError(`"${text}" does not name an image: write REGISTRY/REPOSITORY:TAG`, {
      reason: 'ImageNameInvalid',
      retry: 'never',
    });
  }
  return { name, registry, repository, version };
}

function digestFor({ manifests }: JsonObject, arch: string, name: string): string {
  const entries = Array.isArray(manifests) ? manifests.filter(isJsonObject) : [];
  const found = entries.find(
    ({ platform }) =>
      isJsonObject(platform) && platform['os'] === 'linux' && platform['architecture'] === arch,
  );
  const digest = found?.['digest'];
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw unreadable(name, `there is none for linux/${arch}`);
}

function headerOf({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function unreadable(name: string, why: string): HansaError {
  return new HansaError(`the image ${name} can't be used: ${why}`, {
    reason: 'ImageUnreadable',
    retry: 'never',
  });
}

function refusedBy({ name, registry }: Reference, code: number): HansaError {
  const mend =
    code === 401 || code === 403
      ? `: log in with "docker login ${registry}", and see that the account may pull`
      : ': try again later';
  return new HansaError(`the registry refused ${name} with ${code}${mend}`, {
    reason: 'RegistryRefused',
    retry: code >= 500 ? 'backoff' : 'never',
  });
}
