import { HansaError } from '../../base/index.ts';
import { type ApiClient, type KubeObject, type ObjectMeta, secretType } from '../../kube/index.ts';
import {
  packRendering,
  type PackedRendering,
  type Rendering,
  renderingDamaged,
  unpackRendering,
} from './stored-rendering.ts';

/** Type of the Secrets that hold renderings: a Secret, as a chart may make Secrets. */
export const renderingSecretType = 'rollout.hansa.dev/rendering';
/** The start of the digest; on each part. */
export const renderingLabel = 'rollout.hansa.dev/rendering';
const partsAnnotation = 'rollout.hansa.dev/rendering-parts';
const digestAnnotation = 'rollout.hansa.dev/rendering-digest';
const dataKey = 'part';
/** Names and labels have room for half a sha256, which is still beyond chance. */
const shownDigits = 32;
const fieldManager = 'hansa';

export type OwnerReference = NonNullable<ObjectMeta['ownerReferences']>[number];

export interface StoreOptions {
  readonly namespace: string;
  /** The Release or revision that needs it: with the last owner, Kubernetes removes it. */
  readonly owner: OwnerReference;
  readonly signal?: AbortSignal;
}

/**
 * Keeps a rendering on the host. Gives the digest by which it is loaded.
 *
 * *Guarantees*: may be repeated, also after having been interrupted; the first part is written last, so what is found is
 * whole; one that is there already is not written again, and gets one more owner.
 * @throws HansaError RenderingTooLarge, Conflict if it is just being deleted, and those of the API
 */
export async function storeRendering(
  client: ApiClient,
  rendering: Rendering,
  { namespace, owner, signal }: StoreOptions,
): Promise<string> {
  const packed = await packRendering(rendering);
  for (const part of [...packed.parts.keys()].reverse()) {
    const secret = secretOf(packed, part, namespace, owner);
    try {
      await client.create(secretType, secret, { fieldManager, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'AlreadyExists') throw error;
      await addOwner(client, secret, owner, signal);
    }
  }
  return packed.digest;
}

/**
 * Loads a rendering by its digest and proves that it is whole; undefined if it was never stored.
 * @throws HansaError RenderingDamaged, and those of the API
 */
export async function loadRendering(
  client: ApiClient,
  {
    namespace,
    digest,
    signal,
  }: { readonly namespace: string; readonly digest: string; readonly signal?: AbortSignal },
): Promise<Rendering | undefined> {
  const first = await readPart(client, namespace, digest, 0, signal);
  if (!first) return undefined;
  const count = Number(first.metadata.annotations?.[partsAnnotation]);
  const parts = [bytesIn(first)];
  for (let part = 1; part < count; part += 1) {
    const secret = await readPart(client, namespace, digest, part, signal);
    if (!secret) throw renderingDamaged(digest, `part ${part + 1} of ${count} is gone`);
    parts.push(bytesIn(secret));
  }
  return unpackRendering({ digest, parts });
}

/**
 * The digest of the rendering that an owner has, if it was stored and the note of it was lost.
 * The newest one, should there be several.
 */
export async function findRendering(
  client: ApiClient,
  {
    namespace,
    ownerUid,
    signal,
  }: { readonly namespace: string; readonly ownerUid: string; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  const found: KubeObject[] = [];
  const pages = client.list(secretType, {
    namespace,
    labelSelector: renderingLabel,
    metadataOnly: true,
    ...(signal ? { signal } : {}),
  });
  for await (const { items } of pages) {
    found.push(
      ...items.filter(
        ({ metadata }) =>
          metadata.annotations?.[partsAnnotation] !== undefined &&
          metadata.ownerReferences?.some(({ uid }) => uid === ownerUid),
      ),
    );
  }
  const newest = found.toSorted(byAge).at(-1);
  return newest?.metadata.annotations?.[digestAnnotation];
}

function byAge(one: KubeObject, other: KubeObject): number {
  return (one.metadata.creationTimestamp ?? '').localeCompare(other.metadata.creationTimestamp ?? '');
}

function nameOf(digest: string, part: number): string {
  return `rendering-${digest.slice(0, shownDigits)}-${part}`;
}

function secretOf(
  { digest, parts }: PackedRendering,
  part: number,
  namespace: string,
  owner: OwnerReference,
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: nameOf(digest, part),
      namespace,
      labels: { [renderingLabel]: digest.slice(0, shownDigits) },
      annotations: {
        [digestAnnotation]: digest,
        ...(part === 0 ? { [partsAnnotation]: String(parts.length) } : {}),
      },
      ownerReferences: [owner],
    },
    type: renderingSecretType,
    // What is named after its content does not change.
    immutable: true,
    data: { [dataKey]: Buffer.from(parts[part] as Uint8Array).toString('base64') },
  };
}

async function addOwner(
  client: ApiClient,
  { metadata }: KubeObject,
  owner: OwnerReference,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal ? { signal } : {};
  const there = await client.get(secretType, metadata, { metadataOnly: true, ...options });
  const { deletionTimestamp, resourceVersion, ownerReferences = [] } = there.metadata;
  if (deletionTimestamp) {
    throw new HansaError(
      `Secret ${metadata.namespace}/${metadata.name} with the rendering is just being deleted; it is stored again when it is gone`,
      { reason: 'Conflict', retry: { afterMs: 1_000 } },
    );
  }
  if (ownerReferences.some(({ uid }) => uid === owner.uid)) return;
  // With the version seen: somebody else may be adding himself.
  const owners = [...ownerReferences, owner].map((each) => ({ ...each }));
  await client.patch(
    secretType,
    metadata,
    { metadata: { resourceVersion, ownerReferences: owners } },
    { type: 'merge', fieldManager, ...options },
  );
}

async function readPart(
  client: ApiClient,
  namespace: string,
  digest: string,
  part: number,
  signal: AbortSignal | undefined,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(secretType, { namespace, name: nameOf(digest, part) }, signal ? { signal } : {});
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

function bytesIn({ data }: KubeObject): Uint8Array {
  const { [dataKey]: text = '' } = (data ?? {}) as Readonly<Record<string, string>>;
  return Buffer.from(text, 'base64');
}
