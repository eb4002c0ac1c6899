import type { Clock, Rng } from '../base/index.ts';
import { silentLogger } from '../base/index.ts';
import { type ApiClient, Cache, type KubeObject } from '../kube/index.ts';
import { type Listing, namespaceFor, type Selection } from './read-objects.ts';

interface Seen {
  readonly resourceVersion: string;
  readonly object: KubeObject;
}

export interface WatchDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Told at most this often. */
  readonly pauseMs: number;
}

/**
 * Follows what was asked for until the signal, and tells of each change with all objects and those that changed.
 * Several changes close together are told as one.
 */
export async function watchObjects(
  selection: Selection,
  { client, clock, rng, signal, pauseMs }: WatchDeps,
  tell: (listings: readonly Listing[], changed: readonly KubeObject[]) => void,
): Promise<void> {
  let changed: KubeObject[] = [];
  let planned: (() => void) | undefined;
  const sources = selection.kinds.map((shown) => ({
    shown,
    caches: shown.addresses.map((type) => {
      const namespace = namespaceFor(shown, selection);
      const { labelSelector } = selection;
      return new Cache<Seen>({
        name: type.plural,
        client,
        type,
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        project: (object) => {
          if (selection.name !== undefined && object.metadata.name !== selection.name) return undefined;
          const full = { ...object, apiVersion: `${type.group}/${type.version}`, kind: type.kind };
          return { resourceVersion: object.metadata.resourceVersion ?? '', object: full };
        },
        clock,
        rng,
        logger: silentLogger,
      });
    }),
  }));
  const show = () => {
    planned = undefined;
    const listings = sources.map(({ shown, caches }) => ({
      shown,
      objects: caches.flatMap((cache) => [...cache.values()].map(({ object }) => object)),
    }));
    const news = changed;
    changed = [];
    tell(listings, news);
  };
  const caches = sources.flatMap((source) => source.caches);
  for (const cache of caches) {
    cache.onChange((_, { old, next }) => {
      const object = (next ?? old)?.object;
      if (object) changed.push(object);
      planned ??= clock.after(pauseMs, show);
    });
  }
  await Promise.all(caches.map((cache) => cache.run(signal)));
  planned?.();
}
