import { type Clock, HansaError, type Json, type Logger, type Rng, stableJson } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type CacheListener,
  type KubeMetrics,
  type KubeObject,
  keyOf,
  type ResourceType,
} from '../../kube/index.ts';
import {
  type AnyRecord,
  type ApplicationRecord,
  applicationKeyOf,
  type BlockRecord,
  type CapacityRecord,
  type ClusterRecord,
  type InstallationRecord,
  type ReleaseRecord,
  shipperTypes,
  stored,
  type TrafficRecord,
} from './records.ts';

export interface HostStoreOptions {
  readonly host: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
}

const fieldManager = 'hansa-shipper';
const byApplication = 'application';

export type StoredKind = keyof typeof shipperTypes;

interface RecordOf {
  readonly application: ApplicationRecord;
  readonly release: ReleaseRecord;
  readonly installation: InstallationRecord;
  readonly capacity: CapacityRecord;
  readonly traffic: TrafficRecord;
  readonly cluster: ClusterRecord;
  readonly block: BlockRecord;
}

/** Shipper's objects on the host: read from caches, written with what was seen before. */
export class HostStore {
  readonly #options: HostStoreOptions;
  readonly #caches: { readonly [Kind in StoredKind]: Cache<RecordOf[Kind]> };

  constructor(options: HostStoreOptions) {
    this.#options = options;
    this.#caches = {
      application: this.#cache('application'),
      release: this.#cache('release'),
      installation: this.#cache('installation'),
      capacity: this.#cache('capacity'),
      traffic: this.#cache('traffic'),
      cluster: this.#cache('cluster'),
      block: this.#cache('block'),
    };
  }

  get hasSynced(): boolean {
    return Object.values(this.#caches).every(({ hasSynced }) => hasSynced);
  }

  /** Everything is seen as it is now, so that absence means something. */
  get isLive(): boolean {
    return Object.values(this.#caches).every(({ state }) => state.kind === 'live');
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Object.values(this.#caches).map((cache) => cache.run(signal)));
  }

  onChange<Kind extends StoredKind>(kind: Kind, listener: CacheListener<RecordOf[Kind]>): void {
    this.#caches[kind].onChange(listener);
  }

  get<Kind extends StoredKind>(kind: Kind, key: string): RecordOf[Kind] | undefined {
    return this.#caches[kind].get(key);
  }

  list<Kind extends StoredKind>(kind: Kind): readonly RecordOf[Kind][] {
    return [...this.#caches[kind].values()];
  }

  size(kind: StoredKind): number {
    return this.#caches[kind].size;
  }

  /** Those that carry the label of an Application, in the order of their names. */
  of<Kind extends 'release' | 'installation' | 'capacity' | 'traffic'>(
    kind: Kind,
    application: string,
  ): readonly RecordOf[Kind][] {
    const cache = this.#caches[kind];
    return [...cache.keysBy(byApplication, application)]
      .toSorted()
      .flatMap((key) => (cache.get(key) as RecordOf[Kind] | undefined) ?? []);
  }

  /** @throws HansaError those of the API */
  async create<Kind extends StoredKind>(
    kind: Kind,
    object: KubeObject,
    signal: AbortSignal,
  ): Promise<RecordOf[Kind]> {
    const took = this.#caches[kind].beforeWrite(keyOf(object.metadata));
    const answer = await this.#options.host.create(shipperTypes[kind], object, { fieldManager, signal });
    took(answer);
    return stored(answer) as unknown as RecordOf[Kind];
  }

  /**
   * Changes fields by JSON Patch, if the object is still the one that was seen.
   * @throws HansaError Conflict, NotFound and the others of the API
   */
  async patch<Kind extends StoredKind>(
    kind: Kind,
    record: RecordOf[Kind],
    operations: readonly JsonPatchOperation[],
    signal: AbortSignal,
  ): Promise<RecordOf[Kind]> {
    const { metadata } = record as AnyRecord;
    const took = this.#caches[kind].beforeWrite(keyOf(metadata));
    const answer = await this.#options.host.patch(
      shipperTypes[kind],
      metadata,
      // The server refuses a version that is not the newest with a Conflict.
      [
        { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion ?? '' },
        ...operations,
      ] as unknown as Json,
      { type: 'json', fieldManager, signal },
    );
    took(answer);
    return stored(answer) as unknown as RecordOf[Kind];
  }

  /**
   * Replaces the status, if it differs from what is there. An object that is gone needs none.
   * @throws HansaError Conflict and the others of the API
   */
  async writeStatus<Kind extends StoredKind>(
    kind: Kind,
    record: RecordOf[Kind],
    status: RecordOf[Kind]['status'],
    signal: AbortSignal,
  ): Promise<RecordOf[Kind]> {
    const { metadata, status: before } = record as AnyRecord;
    if (stableJson(before) === stableJson(status)) return record;
    const took = this.#caches[kind].beforeWrite(keyOf(metadata));
    try {
      const answer = await this.#options.host.patch(
        shipperTypes[kind],
        metadata,
        [
          { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion ?? '' },
          { op: 'add', path: '/status', value: status },
        ] as unknown as Json,
        { type: 'json', subresource: 'status', fieldManager, signal },
      );
      took(answer);
      return stored(answer) as unknown as RecordOf[Kind];
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return record;
      throw error;
    }
  }

  /** Deletes an object, if it is still the same one; one that is gone is all right. */
  async remove<Kind extends StoredKind>(
    kind: Kind,
    record: RecordOf[Kind],
    signal: AbortSignal,
  ): Promise<void> {
    const { metadata } = record as AnyRecord;
    try {
      await this.#options.host.remove(shipperTypes[kind], metadata, {
        body: {
          propagationPolicy: 'Background',
          preconditions: metadata.uid === undefined ? {} : { uid: metadata.uid },
        },
        signal,
      });
    } catch (error) {
      // Another object under the name is none of ours.
      if (error instanceof HansaError && ['NotFound', 'Conflict'].includes(error.reason)) return;
      throw error;
    }
  }

  #cache<Kind extends StoredKind>(kind: Kind): Cache<RecordOf[Kind]> {
    const { host: client, clock, rng, logger, metrics } = this.#options;
    const type: ResourceType = shipperTypes[kind];
    return new Cache<RecordOf[Kind]>({
      client,
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
      name: `host/${type.plural}.${type.group}`,
      type,
      project: (object) => stored(object) as unknown as RecordOf[Kind],
      indices: {
        [byApplication]: (record: RecordOf[Kind]) => {
          const application = applicationKeyOf(record as AnyRecord);
          return application === undefined ? [] : [application];
        },
      },
    });
  }
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

/** A name as part of a JSON Pointer. */
export function pointerTo(...names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
