import type { Clock, Logger, Rng } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type Cached,
  KeyedQueue,
  keyOf,
  type KubeMetrics,
  type KubeObject,
  type Outcome,
  type ResourceType,
  runController,
} from '../../kube/index.ts';
import type { Member } from '../../members/index.ts';
import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { anchorLabel } from '../plan/shipper-door/words.ts';
import {
  type AnchorRecord,
  anchorRecord,
  applicationIndex,
  type DeploymentRecord,
  deploymentRecord,
  memberTypes,
  type PodRecord,
  podRecord,
  type ServiceRecord,
  serviceRecord,
  type SliceRecord,
  sliceRecord,
} from './member-records.ts';
import { ResourceTypes } from './resource-types.ts';

/** What is done in a member: each for one Release or Application, each from what stands on the host now. */
export const memberJobs = ['objects', 'capacity', 'traffic'] as const;
export type MemberJob = (typeof memberJobs)[number];
export type MemberJobKey = `${MemberJob}|${string}`;

/** What became of an installation, for the very object and generation that asked for it. */
export type InstallOutcome =
  | { readonly kind: 'done'; readonly version: string }
  | { readonly kind: 'failed'; readonly version: string; readonly reason: string; readonly message: string };

export interface MemberSiteOptions {
  readonly member: Member & { readonly client: ApiClient };
  readonly work: (site: MemberSite, key: MemberJobKey, signal: AbortSignal) => Promise<Outcome>;
  /** Something of an Application changed there. */
  readonly onChange: (site: MemberSite, change: SiteChange) => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
}

export interface SiteChange {
  readonly kind: 'deployment' | 'pod' | 'service' | 'slice' | 'anchor' | 'synced' | 'state';
  readonly namespace: string;
  readonly application: string | undefined;
  readonly release: string | undefined;
  readonly ownedBy: string | undefined;
  readonly isGone: boolean;
}

/** Something sent to a member a moment ago. */
export interface Sent<T> {
  readonly value: T;
  readonly atMs: number;
}

/** After this long what was sent has been seen, or never arrived. */
export const sentLimitMs = 10_000;

/** A member answers a few calls at once; more would only queue up there. */
const concurrency = 4;

/**
 * One member as Shipper's door sees and moves it: caches of what belongs to Applications, and a queue of its own, so
 * that one slow member delays nobody else.
 */
export class MemberSite {
  readonly member: Member & { readonly client: ApiClient };
  readonly types: ResourceTypes;
  readonly deployments: Cache<DeploymentRecord>;
  readonly pods: Cache<PodRecord>;
  readonly services: Cache<ServiceRecord>;
  readonly slices: Cache<SliceRecord>;
  readonly anchors: Cache<AnchorRecord>;
  readonly queue: KeyedQueue<MemberJobKey>;
  /** By `namespace/release`. */
  readonly installed = new Map<string, InstallOutcome>();
  /** `namespace/release` of those whose objects are just being worked on. */
  readonly working = new Set<string>();
  /**
   * Replicas that were sent last, by `namespace/release`. Until the cache shows them, what it shows says nothing: a
   * change under way would be taken for no change.
   */
  readonly sentReplicas = new Map<string, Sent<number>>();
  /** Labels for traffic that were sent, by the uid of the pod. */
  readonly sentLabels = new Map<string, Sent<'enabled' | 'disabled'>>();
  readonly #options: MemberSiteOptions;

  constructor(options: MemberSiteOptions) {
    this.#options = options;
    this.member = options.member;
    this.types = new ResourceTypes(options.member.client);
    this.deployments = this.#cache('deployment', memberTypes.deployment, deploymentRecord);
    this.pods = this.#cache('pod', memberTypes.pod, podRecord);
    this.services = this.#cache('service', memberTypes.service, serviceRecord);
    this.slices = this.#cache('slice', memberTypes.slice, sliceRecord);
    this.anchors = this.#cache('anchor', memberTypes.anchor, anchorRecord, anchorLabel);
    const { clock, rng, metrics } = options;
    this.queue = new KeyedQueue({
      name: `shipper/${this.name}`,
      clock,
      rng,
      backoffMs: { first: 200, max: 30_000 },
      ...(metrics ? { metrics } : {}),
    });
  }

  get name(): string {
    return this.member.name;
  }

  get hasSynced(): boolean {
    return this.#caches.every(({ hasSynced }) => hasSynced);
  }

  /** Since when, and why, what is kept may be old; undefined if all of it is current. */
  get staleCache(): { readonly sinceMs: number; readonly message: string } | undefined {
    for (const { state } of this.#caches) if (state.kind === 'stale') return state;
    return undefined;
  }

  add(job: MemberJob, key: string, afterMs = 0): void {
    this.queue.add(`${job}|${key}`, { afterMs });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.#options;
    const both = AbortSignal.any([signal, this.member.lifetime]);
    for (const cache of this.#caches) {
      void cache.synced.then(() => this.hasSynced && this.#tell('synced'));
      cache.onState(() => this.hasSynced && this.#tell('state'));
    }
    await Promise.all([...this.#caches.map((cache) => cache.run(both)), this.#work(both, logger, metrics)]);
  }

  async #work(signal: AbortSignal, logger: Logger, metrics: KubeMetrics | undefined): Promise<void> {
    await runController({
      name: 'shipper-member',
      queue: this.queue,
      concurrency,
      reconcile: (key) => this.#options.work(this, key, signal),
      logger: logger.child({ member: this.name }),
      signal,
      ...(metrics ? { metrics } : {}),
    });
  }

  get #caches(): readonly Cache<Cached>[] {
    return [
      this.deployments,
      this.pods,
      this.services,
      this.slices,
      this.anchors,
    ] as unknown as Cache<Cached>[];
  }

  #tell(kind: 'synced' | 'state'): void {
    this.#options.onChange(this, {
      kind,
      namespace: '',
      application: undefined,
      release: undefined,
      ownedBy: undefined,
      isGone: false,
    });
  }

  #cache<T extends DeploymentRecord | PodRecord | ServiceRecord | SliceRecord | AnchorRecord>(
    kind: SiteChange['kind'],
    type: ResourceType,
    project: (object: KubeObject) => T,
    furtherLabel?: string,
  ): Cache<T> {
    const { member, clock, rng, logger, metrics, onChange } = this.#options;
    const cache = new Cache<T>({
      name: `${member.name}/shipper-${type.plural}`,
      client: member.client,
      type,
      labelSelector: furtherLabel ? `${shipperLabels.app},${furtherLabel}` : shipperLabels.app,
      project,
      indices: { application: applicationIndex },
      // A rollout waits for a member that comes back.
      backoffMs: { first: 200, max: 3_000 },
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
    });
    cache.onChange((_, { old, next, initial }) => {
      const record = next ?? old;
      // After the first list everything is looked at once.
      if (!record || initial) return;
      const { namespace, application, release, ownedBy } = record;
      onChange(this, { kind, namespace, application, release, ownedBy, isGone: next === undefined });
    });
    return cache;
  }
}

/** What an Application has in a cache, in the order of names. */
export function ofApplication<T extends Cached>(cache: Cache<T>, application: string): readonly T[] {
  return [...cache.keysBy('application', application)].toSorted().flatMap((key) => cache.get(key) ?? []);
}

export function releaseKey(namespace: string, release: string): string {
  return keyOf({ namespace, name: release });
}
