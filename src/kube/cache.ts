import type { Clock, Logger, Rng } from '../base/index.ts';
import { HansaError, messageOf } from '../base/index.ts';
import type { KubeMetrics } from './metrics.ts';
import type { ApiClient, KubeObject, ResourceType } from './types.ts';

/** What a cache keeps of an object: at least its version, compared for equality only. */
export interface Cached {
  readonly resourceVersion: string;
}

export type CacheKey = string;

/** `namespace/name`, or `name` for an object without a namespace. */
export function keyOf({
  namespace,
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): CacheKey {
  return namespace ? `${namespace}/${name}` : name;
}

export function refOf(key: CacheKey): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export type CacheListener<T> = (
  key: CacheKey,
  change: {
    readonly old: T | undefined;
    readonly next: T | undefined /** From the first list. */;
    readonly initial: boolean;
  },
) => void;

export interface CacheOptions<T extends Cached> {
  /** For logs and metrics. */
  readonly name: string;
  readonly client: ApiClient;
  readonly type: ResourceType;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
  /** Cuts an object down to what is needed before it is stored; undefined leaves it out. */
  readonly project: (object: KubeObject) => T | undefined;
  /** Further ways to find objects: index name -> the values of an object. */
  readonly indices?: Readonly<Record<string, (object: T) => readonly string[]>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  /** Back-off between failed lists and watches. */
  readonly backoffMs?: { readonly first: number; readonly max: number };
}

export type CacheState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'live' }
  /** The last list or watch failed; what is stored may be old. */
  | { readonly kind: 'stale'; readonly reason: string; readonly message: string; readonly sinceMs: number };

/**
 * A copy of a collection, kept current by a list and a watch.
 *
 * Flow: list in pages, then watch from that version; a watch that ends is resumed from the last version seen
 * (bookmarks included); 410 or a lost position leads to a new list.
 * Guarantees: listeners hear of each change of version once, with the object before and after; a new list tells of
 * what vanished in the meantime; a list that fails takes nothing away.
 * Caveats: objects are shared, never change them. A stale cache still answers: ask `state` before deleting by absence.
 */
export class Cache<T extends Cached> {
  readonly #options: CacheOptions<T>;
  readonly #objects = new Map<CacheKey, T>();
  readonly #indices = new Map<string, Map<string, Set<CacheKey>>>();
  readonly #listeners: CacheListener<T>[] = [];
  readonly #stateListeners: ((state: CacheState) => void)[] = [];
  #state: CacheState = { kind: 'starting' };
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #resourceVersion = '';
  /** Answers to own writes that the watch has not brought yet. */
  readonly #awaited = new Map<CacheKey, { readonly version: string; readonly since: number }>();

  constructor(options: CacheOptions<T>) {
    this.#options = options;
    for (const index of Object.keys(options.indices ?? {})) this.#indices.set(index, new Map());
  }

  get name(): string {
    return this.#options.name;
  }

  get state(): CacheState {
    return this.#state;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** True once the first list is complete, for ever. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get(key: CacheKey): T | undefined {
    return this.#objects.get(key);
  }

  entries(): IterableIterator<[CacheKey, T]> {
    return this.#objects.entries();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Keys of the objects that have `value` in that index. */
  keysBy(index: string, value: string): ReadonlySet<CacheKey> {
    return this.#indices.get(index)?.get(value) ?? emptySet;
  }

  onChange(listener: CacheListener<T>): void {
    this.#listeners.push(listener);
  }

  onState(listener: (state: CacheState) => void): void {
    this.#stateListeners.push(listener);
  }

  /**
   * Call before a write of our own, and the returned function with the server's answer: the cache then shows that
   * answer at once, so that the next run doesn't act on older data.
   *
   * Versions can't be ordered, so an answer is taken only if no event came for the key meanwhile; after that, events
   * of the key wait until the watch has caught up with the answer.
   */
  beforeWrite(key: CacheKey): (answer: KubeObject) => void {
    const before = this.#objects.get(key)?.resourceVersion;
    return (answer) => {
      if (this.#objects.get(key)?.resourceVersion !== before) return;
      const version = answer.metadata.resourceVersion;
      if (!version || version === before) return;
      this.#awaited.set(key, { version, since: this.#options.clock.monotonic() });
      this.#store(answer, false);
    };
  }

  /** Lists and watches until the signal; never throws for what a server does. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const started = this.#options.clock.monotonic();
      try {
        if (this.#resourceVersion === '') await this.#relist(signal);
        await this.#watch(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#options.clock.monotonic() - started > stableWatchMs) failures = 0;
        failures++;
        await this.#recover(error, failures, signal);
      }
    }
  }

  async #recover(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const reason = error instanceof HansaError ? error.reason : 'UnexpectedError';
    this.#options.metrics?.onWatchRestart({ cache: this.name, reason });
    this.#setState({ kind: 'stale', reason, message: messageOf(error), sinceMs: this.#options.clock.now() });
    if (reason === 'Gone') {
      // The version is too old to resume from. The first time that costs nothing but a list, so no waiting.
      this.#resourceVersion = '';
      if (failures === 1) return;
    }
    this.#options.logger.debug('watch failed', {
      cache: this.name,
      reason,
      error: messageOf(error),
      failures,
    });
    const { first, max } = this.#options.backoffMs ?? { first: 200, max: 30_000 };
    const full = Math.min(max, first * 2 ** Math.min(failures - 1, 20));
    const retry = error instanceof HansaError && typeof error.retry === 'object' ? error.retry.afterMs : 0;
    await this.#options.clock
      .sleep(Math.max(retry, full / 2 + (full / 2) * this.#options.rng()), signal)
      .catch(() => undefined);
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { client, type, namespace, labelSelector, metadataOnly } = this.#options;
    this.#awaited.clear();
    const gone = new Set(this.#objects.keys());
    let version = '';
    const pages = client.list(type, {
      signal,
      namespace,
      labelSelector,
      ...(metadataOnly ? { metadataOnly } : {}),
    });
    for await (const page of pages) {
      for (const item of page.items) gone.delete(this.#store(item, !this.#hasSynced));
      version = page.resourceVersion;
      // Give the event loop a turn between pages, so that a big list doesn't stop timers and probes.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    for (const key of gone) this.#remove(key);
    this.#resourceVersion = version;
    if (!this.#hasSynced) {
      this.#hasSynced = true;
      this.#synced.resolve();
    }
    this.#setState({ kind: 'live' });
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, type, namespace, labelSelector, metadataOnly, rng } = this.#options;
    const events = client.watch(type, {
      signal,
      namespace,
      labelSelector,
      resourceVersion: this.#resourceVersion,
      // Jitter, so that the watches of a fleet don't all end in the same second.
      timeoutSeconds: Math.round(280 + 40 * rng()),
      ...(metadataOnly ? { metadataOnly } : {}),
      // A quiet kind brings nothing for a minute; that must not keep deletions waiting after a short outage.
      onOpen: () => this.#setState({ kind: 'live' }),
    });
    let alive = this.#state.kind === 'live';
    for await (const event of events) {
      if (!alive) {
        this.#setState({ kind: 'live' });
        alive = true;
      }
      if (event.type === 'BOOKMARK') {
        this.#resourceVersion = event.resourceVersion;
        continue;
      }
      const { object } = event;
      this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
      if (this.#isBehind(object)) continue;
      if (event.type === 'DELETED') this.#remove(keyOf(object.metadata));
      else this.#store(object, false);
    }
    this.#setState({ kind: 'live' });
    this.#options.metrics?.onWatchRestart({ cache: this.name, reason: 'expired' });
  }

  /** Tells whether this event is older than an answer that the cache already shows. */
  #isBehind({ metadata }: KubeObject): boolean {
    if (this.#awaited.size === 0) return false;
    const key = keyOf(metadata);
    const awaited = this.#awaited.get(key);
    if (!awaited) return false;
    const late = this.#options.clock.monotonic() - awaited.since > awaitedLimitMs;
    const arrived = awaited.version === metadata.resourceVersion;
    if (late || arrived) this.#awaited.delete(key);
    return !late && !arrived;
  }

  #store(object: KubeObject, initial: boolean): CacheKey {
    const key = keyOf(object.metadata);
    const old = this.#objects.get(key);
    if (old && old.resourceVersion === object.metadata.resourceVersion) return key;
    const next = this.#options.project(withType(object, this.#options));
    if (!next) {
      this.#remove(key);
      return key;
    }
    this.#objects.set(key, next);
    this.#reindex(key, old, next);
    if (!old) this.#options.metrics?.onCacheSize({ cache: this.name, objects: this.#objects.size });
    for (const listener of this.#listeners) listener(key, { old, next, initial });
    return key;
  }

  #remove(key: CacheKey): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    this.#reindex(key, old, undefined);
    this.#options.metrics?.onCacheSize({ cache: this.name, objects: this.#objects.size });
    for (const listener of this.#listeners) listener(key, { old, next: undefined, initial: false });
  }

  #reindex(key: CacheKey, old: T | undefined, next: T | undefined): void {
    for (const [name, valuesOf] of Object.entries(this.#options.indices ?? {})) {
      const index = this.#indices.get(name) as Map<string, Set<CacheKey>>;
      for (const value of old ? valuesOf(old) : []) {
        const keys = index.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.delete(value);
      }
      for (const value of next ? valuesOf(next) : []) {
        const keys = index.get(value);
        if (keys) keys.add(key);
        else index.set(value, new Set([key]));
      }
    }
  }

  #setState(next: CacheState): void {
    if (next.kind === this.#state.kind && next.kind !== 'stale') return;
    // The reason may change; since when it is stale may not.
    const state =
      next.kind === 'stale' && this.#state.kind === 'stale'
        ? { ...next, sinceMs: this.#state.sinceMs }
        : next;
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}

const emptySet: ReadonlySet<CacheKey> = new Set();
/** A watch that lived this long was a good one: the next failure starts its back-off anew. */
const stableWatchMs = 10_000;
/** A watch brings our own write within milliseconds; after this long something is odd and any event is believed. */
const awaitedLimitMs = 10_000;

/** Items of a list carry no kind and apiVersion of their own. */
function withType(object: KubeObject, { type }: { readonly type: ResourceType }): KubeObject {
  if (object.kind && object.apiVersion) return object;
  return {
    ...object,
    kind: type.kind,
    apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`,
  };
}
