import { gunzipSync, gzipSync } from 'node:zlib';
import {
  type RolloutRevisionSpec,
  rolloutRevisionAddress,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout-revision.ts';
import { rolloutLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  type CacheOptions,
  keyOf,
  type KubeObject,
} from '../../kube/index.ts';
import { rolloutLabelValue } from '../plan/in-place/index.ts';
import { type RolloutRecord, subjectOf } from './rollout-record.ts';

/** What is known of a revision without reading its content. */
export interface RevisionEntry extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly owner: string | undefined;
  readonly rollout: string;
  readonly revision: string;
  readonly number: number;
}

const contentsKept = 200;
/** Above this, objects are kept packed: etcd takes no more than 1.5 MB. */
const packAboveBytes = 400_000;

/** The revisions of rollouts, as objects on the host: written before anything uses them, never changed. */
export class RevisionStore {
  readonly #host: ApiClient;
  readonly #cache: Cache<RevisionEntry>;
  readonly #contents = new Map<string, JsonObject>();

  constructor(
    host: ApiClient,
    common: Pick<CacheOptions<RevisionEntry>, 'clock' | 'rng' | 'logger' | 'metrics'>,
  ) {
    this.#host = host;
    this.#cache = new Cache<RevisionEntry>({
      ...common,
      client: host,
      name: 'host/rolloutrevisions',
      type: rolloutRevisionAddress,
      project: revisionEntry,
      indices: { rollout: ({ namespace, rollout }) => [`${namespace}/${rollout}`] },
    });
  }

  get isReady(): boolean {
    return this.#cache.hasSynced;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#cache.run(signal);
  }

  /** The oldest first. */
  listOf({
    namespace,
    name,
  }: {
    readonly namespace: string;
    readonly name: string;
  }): readonly RevisionEntry[] {
    return [...this.#cache.keysBy('rollout', `${namespace}/${name}`)]
      .flatMap((key) => this.#cache.get(key) ?? [])
      .toSorted((a, b) => a.number - b.number);
  }

  find(
    rollout: { readonly namespace: string; readonly name: string },
    revision: string,
  ): RevisionEntry | undefined {
    return this.listOf(rollout).find((each) => each.revision === revision);
  }

  /** The content; undefined for a revision that is not kept. */
  async contentOf(
    rollout: { readonly namespace: string; readonly name: string },
    revision: string,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    const entry = this.find(rollout, revision);
    if (!entry) return undefined;
    const key = `${entry.uid}/${entry.resourceVersion}`;
    const known = this.#contents.get(key);
    if (known) return known;
    const object = await this.#host.get(rolloutRevisionAddress, entry, { signal }).catch((error: unknown) => {
      if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
      throw error;
    });
    if (!object) return undefined;
    const content = unpacked((object['spec'] as RolloutRevisionSpec).content as JsonObject);
    this.#contents.set(key, content);
    for (const oldest of this.#contents.keys()) {
      if (this.#contents.size <= contentsKept) break;
      this.#contents.delete(oldest);
    }
    return content;
  }

  /** Puts a revision on record; the next number is its own for ever. */
  async keep(
    record: RolloutRecord,
    revision: string,
    content: () => Promise<JsonObject>,
    signal: AbortSignal,
  ): Promise<RevisionEntry> {
    const known = this.find(record, revision);
    if (known && known.owner === record.uid) return known;
    // Left over from a Rollout of the same name: the garbage collector would take it from under us.
    if (known) return this.#adopt(known, record, signal);
    const numbers = this.listOf(record).map(({ number }) => number);
    const number = Math.max(0, ...numbers) + 1;
    const name = `${record.name}-${revision}`;
    const took = this.#cache.beforeWrite(keyOf({ namespace: record.namespace, name }));
    const object: KubeObject = {
      apiVersion: `${rolloutRevisionAddress.group}/${rolloutRevisionAddress.version}`,
      kind: rolloutRevisionAddress.kind,
      metadata: {
        name,
        namespace: record.namespace,
        labels: { [rolloutLabel]: rolloutLabelValue(record.name) },
        ownerReferences: [ownerOf(record)],
      },
      spec: { rollout: record.name, revision, number, content: packed(await content()) },
    };
    const answer = await this.#host.create(rolloutRevisionAddress, object, { signal });
    took(answer);
    return revisionEntry(answer);
  }

  /** Adds to the content of a revision what became known later; for workloads of clusters that joined. */
  async amend(entry: RevisionEntry, content: JsonObject, signal: AbortSignal): Promise<void> {
    const took = this.#cache.beforeWrite(keyOf(entry));
    took(
      await this.#host.patch(
        rolloutRevisionAddress,
        entry,
        { metadata: { uid: entry.uid }, spec: { content } },
        { type: 'merge', signal },
      ),
    );
  }

  /** Deletes the oldest beyond the limit, but none that is named. */
  async prune(
    record: RolloutRecord,
    { limit, keep }: { readonly limit: number; readonly keep: ReadonlySet<string> },
    signal: AbortSignal,
  ): Promise<void> {
    const old = this.listOf(record).filter(({ revision }) => !keep.has(revision));
    for (const { name, namespace, uid } of old.slice(0, Math.max(0, old.length - limit))) {
      try {
        await this.#host.remove(
          rolloutRevisionAddress,
          { name, namespace },
          { signal, body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } } },
        );
      } catch (error) {
        if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
      }
    }
  }

  async #adopt(entry: RevisionEntry, record: RolloutRecord, signal: AbortSignal): Promise<RevisionEntry> {
    const took = this.#cache.beforeWrite(keyOf(entry));
    const answer = await this.#host.patch(
      rolloutRevisionAddress,
      entry,
      { metadata: { uid: entry.uid, ownerReferences: [ownerOf(record)] } },
      { type: 'merge', signal },
    );
    took(answer);
    return revisionEntry(answer);
  }
}

function ownerOf(record: RolloutRecord) {
  const { apiVersion, kind, name, uid } = subjectOf(record);
  return { apiVersion, kind, name, uid, controller: true };
}

function revisionEntry(object: KubeObject): RevisionEntry {
  const { metadata } = object;
  const { rollout, revision, number } = (object['spec'] ?? {}) as Partial<RolloutRevisionSpec>;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    owner: metadata.ownerReferences?.find(({ controller }) => controller)?.uid,
    rollout: rollout ?? '',
    revision: revision ?? '',
    number: number ?? 0,
  };
}

function packed(content: JsonObject): JsonObject {
  const text = JSON.stringify(content);
  if (text.length <= packAboveBytes || content['objects'] === undefined) return content;
  return { archive: gzipSync(text).toString('base64') };
}

function unpacked(content: JsonObject): JsonObject {
  const { archive } = content;
  if (typeof archive !== 'string') return content;
  const value: unknown = JSON.parse(gunzipSync(Buffer.from(archive, 'base64')).toString('utf8'));
  return isJsonObject(value) ? value : {};
}
