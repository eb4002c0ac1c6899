import { toHub } from '../../api/convert/to-hub.ts';
import { addressOf, type FederatedKind, federatedGroups, federatedKinds } from '../../api/federated-kinds.ts';
import type { FederatedHub, HubPlacement } from '../../api/hub.ts';
import { type Pins, readPins } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import { pinsAnnotation, rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { type Clock, HansaError, isJsonObject, type Logger, type Rng, stableJson } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  keyOf,
  type KubeMetrics,
  type KubeObject,
  type ResourceType,
} from '../../kube/index.ts';
import { type Member, placementOf } from '../../scheduling/index.ts';
import type { ClusterEntry } from '../plan/controller/index.ts';

/** What is kept of each federated object: thousands of them, of which few are under way. */
export interface FederatedEntry extends Cached {
  readonly row: FederatedKind;
  readonly source: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly deleting: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: string | undefined;
  readonly pinsText: string | undefined;
  readonly status:
    | { readonly observedGeneration?: number; readonly clusters?: readonly ClusterEntry[] }
    | undefined;
  /** Of a FederatedNamespace alone: it cuts the placement of everything in it. */
  readonly placement: HubPlacement | undefined;
}

export interface FederatedObjectsOptions {
  readonly host: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  readonly onChange: (change: {
    readonly old: FederatedEntry | undefined;
    readonly next: FederatedEntry | undefined;
  }) => void;
}

/** Specs that are kept: those of objects under way, mostly. */
const hubsKept = 500;

/**
 * The federated objects of the host, as far as rollouts are concerned. Nothing is watched before the first rollout or
 * policy asks for it, and specs are read one by one.
 */
export class FederatedObjects {
  readonly #options: FederatedObjectsOptions;
  readonly #caches: readonly { readonly row: FederatedKind; readonly cache: Cache<FederatedEntry> }[];
  readonly #started = Promise.withResolvers<void>();
  #isStarted = false;
  readonly #hubs = new Map<string, { readonly generation: number; readonly hub: FederatedHub }>();

  constructor(options: FederatedObjectsOptions) {
    this.#options = options;
    const { host: client, onChange, ...common } = options;
    this.#caches = (federatedKinds as readonly FederatedKind[]).flatMap((row) =>
      Object.values(federatedGroups).map((group) => {
        const type = addressOf(row, group);
        const cache = new Cache<FederatedEntry>({
          ...common,
          client,
          name: `host/rollouts-${type.plural}.${type.group}`,
          type,
          project: (object) => federatedEntry(row, type, object),
        });
        cache.onChange((_, { old, next }) => onChange({ old, next }));
        return { row, cache };
      }),
    );
  }

  /** From now on they are watched. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#started.resolve();
  }

  /** Every list was read once, or the host is known not to serve it. */
  get isReady(): boolean {
    return this.#isStarted && this.#caches.every(({ cache }) => cache.hasSynced || isUnserved(cache));
  }

  /** No list of this kind is stale: an object that is not there was deleted. */
  isTrustworthy(kind: string): boolean {
    return this.#caches.every(
      ({ row, cache }) =>
        row.federatedKind !== kind || cache.state.kind === 'live' || (!cache.hasSynced && isUnserved(cache)),
    );
  }

  /** Of two of one name in both groups, the older one is propagated. */
  find(kind: string, ref: { readonly namespace: string; readonly name: string }): FederatedEntry | undefined {
    return this.#caches
      .filter(({ row }) => row.federatedKind === kind)
      .flatMap(({ cache }) => cache.get(keyOf(ref)) ?? [])
      .toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0))[0];
  }

  /** All that can be rolled out, of one namespace if asked. */
  *values(namespace?: string): Generator<FederatedEntry> {
    for (const { row, cache } of this.#caches) {
      if (!row.target.namespaced) continue;
      for (const entry of cache.values()) {
        if (namespace === undefined || entry.namespace === namespace) yield entry;
      }
    }
  }

  /** The spec, at that generation or a newer one. */
  async hubOf(
    entry: FederatedEntry,
    signal: AbortSignal,
  ): Promise<
    | { readonly ok: true; readonly hub: FederatedHub; readonly generation: number }
    | { readonly ok: false; readonly message: string }
  > {
    const known = this.#hubs.get(entry.uid);
    if (known && known.generation >= entry.generation) return { ok: true, ...known };
    const object = await this.#options.host.get(entry.source, entry, { signal });
    const parsed = toHub(object);
    if (!parsed.ok) {
      return {
        ok: false,
        message: parsed.problems.map(({ field, message }) => `${field}: ${message}`).join('; '),
      };
    }
    const generation = object.metadata.generation ?? 0;
    this.#hubs.delete(entry.uid);
    this.#hubs.set(entry.uid, { generation, hub: parsed.hub });
    for (const oldest of this.#hubs.keys()) {
      if (this.#hubs.size <= hubsKept) break;
      this.#hubs.delete(oldest);
    }
    return { ok: true, hub: parsed.hub, generation };
  }

  /** Clusters that the placement selects, within that of the namespace; as propagation sees it. */
  selectedBy(hub: FederatedHub, namespace: string, members: readonly Member[]): readonly string[] {
    const around = this.find('FederatedNamespace', { namespace, name: namespace });
    if (!around?.placement || around.deleting) return [];
    const own = placementOf(hub.placement, members);
    const allowed = placementOf(around.placement, members);
    if (own.kind === 'invalid' || allowed.kind === 'invalid') return [];
    return [...own.selected].filter((name) => allowed.selected.has(name));
  }

  /** Writes pins, or takes them away; nothing where they are so already. */
  async writePins(entry: FederatedEntry, pins: Pins | undefined, signal: AbortSignal): Promise<boolean> {
    const text = pins === undefined ? undefined : stableJson(pins);
    if (text === entry.pinsText) return false;
    const cache = this.#caches.find(({ cache: each }) => each.get(keyOf(entry)) === entry)?.cache;
    const took = cache?.beforeWrite(keyOf(entry));
    try {
      const answer = await this.#options.host.patch(
        entry.source,
        entry,
        {
          metadata: {
            uid: entry.uid,
            resourceVersion: entry.resourceVersion,
            annotations: { [pinsAnnotation]: text ?? null },
          },
        },
        { type: 'merge', fieldManager: rolloutFieldManager, signal },
      );
      took?.(answer);
    } catch (error) {
      if (pins === undefined && error instanceof HansaError && error.reason === 'NotFound') return false;
      throw error;
    }
    return true;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([this.#started.promise, promise]);
    if (!signal.aborted) await Promise.all(this.#caches.map(({ cache }) => cache.run(signal)));
  }
}

function isUnserved({ state }: Cache<FederatedEntry>): boolean {
  return state.kind === 'stale' && state.reason === 'KindNotServed';
}

/** Which revision each cluster is pinned to; undefined where none is, or nobody can read it. */
export function pinsOf({ pinsText }: FederatedEntry): Pins | undefined {
  return readPins(pinsText);
}

function federatedEntry(row: FederatedKind, source: ResourceType, object: KubeObject): FederatedEntry {
  const { metadata } = object;
  const spec = isJsonObject(object['spec']) ? object['spec'] : {};
  const rollout = isJsonObject(spec['rollout']) ? spec['rollout'] : {};
  const policy = rollout['policy'];
  const { observedGeneration, clusters } = (object['status'] ?? {}) as NonNullable<FederatedEntry['status']>;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    row,
    source,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    createdAt: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    labels: metadata.labels ?? {},
    policy: typeof policy === 'string' ? policy : undefined,
    pinsText: metadata.annotations?.[pinsAnnotation],
    status: {
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
      ...(clusters === undefined ? {} : { clusters: clusters.map(leanEntry) }),
    },
    placement: row.target.namespaced ? undefined : placementIn(object),
  };
}

function leanEntry({ name, status, message }: ClusterEntry): ClusterEntry {
  return {
    name,
    ...(status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
  };
}

function placementIn(object: KubeObject): HubPlacement | undefined {
  const parsed = toHub(object);
  return parsed.ok ? parsed.hub.placement : undefined;
}
