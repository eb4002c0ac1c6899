import { addressOf, type FederatedKind, federatedGroups, federatedKinds } from '../api/federated-kinds.ts';
import type { Clock, Logger, Rng } from '../base/index.ts';
import { type ApiClient, Cache, keyOf, type KubeMetrics } from '../kube/index.ts';
import { differsForMembers, type FederatedRecord, federatedRecord } from './federated-record.ts';
import { kindIdOf, type ObjectKey, objectKey, parseObjectKey } from './object-key.ts';

export interface SourcesOptions {
  readonly host: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  /** A federated object came, went, or changed in a way that may matter to members. */
  readonly onChange: (key: ObjectKey, change: { readonly initial: boolean }) => void;
}

interface Source {
  readonly row: FederatedKind;
  readonly legacy: boolean;
  readonly cache: Cache<FederatedRecord>;
}

/** All federated objects of the host, of every kind and of both groups. */
export class Sources {
  readonly #sources: readonly Source[];
  readonly #byKind = new Map<string, { current: Cache<FederatedRecord>; legacy: Cache<FederatedRecord> }>();

  constructor({ host, onChange, ...common }: SourcesOptions) {
    this.#sources = federatedKinds.flatMap((row) =>
      Object.values(federatedGroups).map((group) => {
        const type = addressOf(row, group);
        const cache = new Cache<FederatedRecord>({
          ...common,
          client: host,
          name: `host/${type.plural}.${type.group}`,
          type,
          project: (object) => federatedRecord(row, type, object),
        });
        cache.onChange((_, { old, next, initial }) => {
          const record = next ?? old;
          if (!record || (old && next && !differsForMembers(old, next))) return;
          onChange(objectKey(row, record), { initial });
        });
        return { row, legacy: group === federatedGroups.legacy, cache };
      }),
    );
    for (const row of federatedKinds) {
      const find = (legacy: boolean) =>
        this.#sources.find((source) => source.row === row && source.legacy === legacy)
          ?.cache as Cache<FederatedRecord>;
      this.#byKind.set(kindIdOf(row), { current: find(false), legacy: find(true) });
    }
  }

  /** The object that counts, and the one of the other group if both groups have one of this name. */
  find(key: ObjectKey): {
    readonly record: FederatedRecord | undefined;
    readonly shadowed: FederatedRecord | undefined;
  } {
    const { kindId, namespace, name } = parseObjectKey(key);
    const caches = this.#byKind.get(kindId);
    const cacheKey = keyOf({ namespace, name });
    const current = caches?.current.get(cacheKey);
    const legacy = caches?.legacy.get(cacheKey);
    if (!current || !legacy) return { record: current ?? legacy, shadowed: undefined };
    // The older one was there first; a second one must not take its objects away.
    const legacyFirst = legacy.createdAt < current.createdAt;
    return legacyFirst ? { record: legacy, shadowed: current } : { record: current, shadowed: legacy };
  }

  cacheOf(record: FederatedRecord): Cache<FederatedRecord> {
    const caches = this.#byKind.get(kindIdOf(record.row));
    if (!caches) throw new Error(`no cache for ${record.row.federatedKind}`);
    return record.source.group === federatedGroups.legacy.group ? caches.legacy : caches.current;
  }

  /** The FederatedNamespace that a namespaced object's placement is cut by. */
  namespaceOf(namespace: string): FederatedRecord | undefined {
    return this.find(objectKey(namespaceRow, { namespace, name: namespace })).record;
  }

  /** Keys of all objects, of one namespace or of one kind if asked. */
  *keys(filter: { readonly namespace?: string; readonly row?: FederatedKind } = {}): Generator<ObjectKey> {
    for (const { row, cache } of this.#sources) {
      if (filter.row && filter.row !== row) continue;
      for (const record of cache.values()) {
        if (filter.namespace === undefined || record.namespace === filter.namespace)
          yield objectKey(row, record);
      }
    }
  }

  count(): number {
    return this.#sources.reduce((sum, { cache }) => sum + cache.size, 0);
  }

  /**
   * True while each list of this kind has been read and none is stale: only then does an object's absence mean that
   * there is none. A group that is not installed on the host counts as stale, since its CRD may be about to return.
   */
  isTrustworthy(row: FederatedKind): boolean {
    return this.#sources.every((source) => source.row !== row || source.cache.state.kind === 'live');
  }

  /** Resolves when every list has been read once, or is known not to be served by the host. */
  async ready(): Promise<void> {
    await Promise.all(
      this.#sources.map(
        ({ cache }) =>
          new Promise<void>((resolve) => {
            void cache.synced.then(resolve);
            cache.onState((state) => {
              if (state.kind === 'stale' && state.reason === 'KindNotServed') resolve();
            });
          }),
      ),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#sources.map(({ cache }) => cache.run(signal)));
  }
}

const namespaceRow = federatedKinds[0];
