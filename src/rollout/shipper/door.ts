import type { Clock, Logger, Rng } from '../../base/index.ts';
import {
  type ApiClient,
  KeyedQueue,
  keyOf,
  type KubeMetrics,
  namespaceType,
  type Outcome,
  type Reconcile,
  refOf,
  runController,
} from '../../kube/index.ts';
import { isReady, type Member, type Members } from '../../members/index.ts';
import { syncBlock } from './blocks.ts';
import { runCapacity } from './capacity-job.ts';
import { HostStore } from './host-store.ts';
import { runInstall } from './install-job.ts';
import { planLeave } from './leave-release.ts';
import { type MemberJobKey, MemberSite, type SiteChange } from './member-site.ts';
import { after, onChange } from './member-work.ts';
import { noShipperMetrics, type ShipperMetrics } from './metrics.ts';
import { podsOf, podsWithTraffic, type Sight } from './observe.ts';
import {
  type AnyRecord,
  applicationKeyOf,
  type InstallationRecord,
  isLeaving,
  keyOfRecord,
  type ReleaseRecord,
} from './records.ts';
import { generationOf } from './release-facts.ts';
import { runRemove } from './remove-job.ts';
import { Renderings } from './renderings.ts';
import { syncApplication } from './sync-application.ts';
import { syncReleases } from './sync-releases.ts';
import { syncCapacity, syncInstallation, syncTraffic } from './sync-target.ts';
import type { Tell } from './tell.ts';
import { runTraffic } from './traffic-job.ts';

export interface ShipperDoorOptions {
  readonly host: ApiClient;
  readonly members: Members;
  /** Hansa's own, where Secrets for chart repositories lie that all Applications may use. */
  readonly namespace: string;
  /** Found or got when the first chart is rendered. */
  readonly helm: () => Promise<{ readonly path: string }>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  readonly shipperMetrics?: ShipperMetrics;
  readonly tell: Tell;
}

export interface ShipperDoor {
  /** Works until the signal; resolves when everything under way has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Everything on the host has been seen once. */
  readonly isReady: boolean;
}

export function createShipperDoor(options: ShipperDoorOptions): ShipperDoor {
  return new Door(options);
}

/** Pods change in rushes; what depends on them is looked at once for each. */
const debounceMs = 40;
const notSyncedMs = 100;
/** A watch that broke a moment ago comes back by itself; nothing is told of it, and nothing decided. */
const staleGraceMs = 5_000;
const workers = 4;

type TargetKey = `${'installation' | 'capacity' | 'traffic' | 'block'}|${string}`;

/** Wires caches, queues and members of Shipper's door together. */
class Door implements ShipperDoor {
  readonly #options: ShipperDoorOptions;
  readonly #store: HostStore;
  readonly #renderings: Renderings;
  readonly #sites = new Map<string, MemberSite>();
  readonly #siteRuns = new Set<Promise<void>>();
  readonly #applications: KeyedQueue;
  readonly #releases: KeyedQueue;
  readonly #targets: KeyedQueue<TargetKey>;
  readonly #sight: Sight;
  #signal: AbortSignal = AbortSignal.abort();
  #hostUid: Promise<string> | undefined;

  constructor(options: ShipperDoorOptions) {
    this.#options = options;
    const { host, namespace, helm, clock, rng, logger, metrics } = options;
    const common = { clock, rng, ...(metrics ? { metrics } : {}) };
    this.#store = new HostStore({ ...common, host, logger });
    this.#renderings = new Renderings({ host, namespace, helm, clock, logger });
    const backoffMs = { first: 100, max: 30_000 };
    this.#applications = new KeyedQueue({ ...common, name: 'shipper-applications', backoffMs });
    this.#releases = new KeyedQueue({ ...common, name: 'shipper-releases', backoffMs });
    this.#targets = new KeyedQueue<TargetKey>({ ...common, name: 'shipper-targets', backoffMs });
    this.#sight = {
      site: (cluster) => this.#look(cluster),
      installVersion: (target) => this.#installVersion(target),
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      trafficOf: (application) => this.#store.of('traffic', application),
    };
    this.#listen();
  }

  get isReady(): boolean {
    return this.#store.hasSynced;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { logger, metrics } = this.#options;
    const control = <K extends string>(name: string, queue: KeyedQueue<K>, reconcile: Reconcile<K>) =>
      runController<K>({
        name,
        queue,
        concurrency: workers,
        logger,
        signal,
        ...(metrics ? { metrics } : {}),
        reconcile: (key, run) =>
          this.#store.hasSynced ? reconcile(key, run) : Promise.resolve(after(notSyncedMs)),
      });
    const deps = this.#deps();
    await Promise.all([
      this.#store.run(signal),
      control('shipper-applications', this.#applications, (key) => syncApplication(deps, key, signal)),
      control('shipper-releases', this.#releases, (key) => syncReleases(deps, key, signal)),
      control('shipper-targets', this.#targets, (key) => this.#syncTarget(key)),
    ]);
    await Promise.all([...this.#siteRuns, this.#renderings.ended()]);
  }

  #deps() {
    const { members, clock, tell, logger, shipperMetrics = noShipperMetrics } = this.#options;
    return {
      store: this.#store,
      sight: this.#sight,
      renderings: this.#renderings,
      sites: this.#sites,
      members,
      clock,
      tell,
      logger,
      metrics: shipperMetrics,
      wake: (release: ReleaseRecord) => this.#wakeOf(release),
    };
  }

  #syncTarget(key: TargetKey): Promise<Outcome> {
    const bar = key.indexOf('|');
    const kind = key.slice(0, bar) as 'installation' | 'capacity' | 'traffic' | 'block';
    const name = key.slice(bar + 1);
    switch (kind) {
      case 'installation':
        return syncInstallation(this.#deps(), name, this.#signal);
      case 'capacity':
        return syncCapacity(this.#deps(), name, this.#signal);
      case 'traffic':
        return syncTraffic(this.#deps(), name, this.#signal);
      case 'block':
        return syncBlock(this.#store, name, this.#signal);
    }
  }

  #listen(): void {
    const store = this.#store;
    store.onChange('application', (key) => {
      this.#startSites();
      this.#wake(key);
      this.#wakeBlocks();
    });
    store.onChange('release', (key, { old, next }) => {
      this.#startSites();
      const record = next ?? old;
      if (!record) return;
      this.#wakeOf(record);
      this.#wakeBlocks();
      // Who goes, and who has gone, changes what the others hold.
      if (!next || !old || isLeaving(old) !== isLeaving(next)) this.#wakeObjects(record);
      if (!next) this.#renderings.forget(old?.metadata.uid);
      else this.#wakeTargets(key);
    });
    for (const kind of ['installation', 'capacity', 'traffic'] as const) {
      store.onChange(kind, (key, { old, next }) => {
        const record = (next ?? old) as AnyRecord | undefined;
        if (!record) return;
        this.#targets.add(`${kind}|${key}`);
        const application = applicationKeyOf(record);
        if (application) this.#releases.add(application);
        // A status is what we wrote ourselves.
        if (old && next && old.metadata.generation === next.metadata.generation) return;
        for (const site of this.#sites.values()) this.#order(site, kind, key, application);
      });
    }
    store.onChange('cluster', () => this.#wakeAll());
    store.onChange('block', (key, { next }) => {
      if (next) this.#targets.add(`block|${key}`);
      this.#wakeAll();
    });
    this.#options.members.onMember({
      added: (member) => {
        this.#startSite(member);
        this.#wakeAll();
      },
      changed: (member) => {
        const site = this.#sites.get(member.name);
        if (site && isReady(member)) this.#orderAll(site);
        this.#wakeAll();
      },
      removed: (member) => {
        if (this.#sites.get(member.name)?.member === member) this.#sites.delete(member.name);
        this.#wakeAll();
      },
    });
  }

  #order(
    site: MemberSite,
    kind: 'installation' | 'capacity' | 'traffic',
    key: string,
    application: string | undefined,
  ): void {
    switch (kind) {
      case 'installation':
        return site.add('objects', key);
      case 'capacity':
        return site.add('capacity', key);
      case 'traffic':
        if (application) site.add('traffic', application);
    }
  }

  #wake(application: string, afterMs = 0): void {
    this.#applications.add(application, { afterMs });
    this.#releases.add(application, { afterMs });
  }

  #wakeOf(record: Pick<AnyRecord, 'metadata'>): void {
    const application = applicationKeyOf(record);
    if (application) this.#wake(application);
  }

  #wakeTargets(key: string): void {
    for (const kind of ['installation', 'capacity', 'traffic'] as const) {
      if (this.#store.get(kind, key)) this.#targets.add(`${kind}|${key}`);
    }
  }

  #wakeObjects(release: ReleaseRecord): void {
    const application = applicationKeyOf(release) ?? '';
    for (const site of this.#sites.values()) {
      site.add('objects', keyOfRecord(release));
      for (const target of this.#store.of('installation', application)) {
        site.add('objects', keyOfRecord(target));
      }
    }
  }

  #wakeBlocks(): void {
    for (const block of this.#store.list('block')) this.#targets.add(`block|${keyOfRecord(block)}`);
  }

  #wakeAll(): void {
    const applications = new Set([
      ...this.#store.list('application').map(keyOfRecord),
      ...this.#store.list('release').flatMap((release) => applicationKeyOf(release) ?? []),
    ]);
    for (const application of applications) this.#wake(application);
    for (const release of this.#store.list('release')) this.#wakeTargets(keyOfRecord(release));
  }

  /** Fleets without Shipper's objects pay nothing for it in their members. */
  #startSites(): void {
    for (const member of this.#options.members.list()) this.#startSite(member);
  }

  #startSite(member: Member): void {
    const { client } = member;
    if (!client || this.#signal.aborted) return;
    if (this.#sites.get(member.name)?.member === member) return;
    if (this.#store.size('application') + this.#store.size('release') === 0) return;
    const { clock, rng, logger, metrics } = this.#options;
    const site = new MemberSite({
      // The very object, as its health changes.
      member: member as Member & { readonly client: ApiClient },
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
      work: (its, key, signal) => this.#work(its, key, signal),
      onChange: (its, change) => this.#onSiteChange(its, change),
    });
    this.#sites.set(member.name, site);
    const run = site.run(this.#signal).finally(() => this.#siteRuns.delete(run));
    this.#siteRuns.add(run);
    for (const kind of ['installation', 'capacity', 'traffic'] as const) {
      for (const target of this.#store.list(kind)) {
        this.#order(site, kind, keyOfRecord(target), applicationKeyOf(target));
      }
    }
  }

  async #work(site: MemberSite, key: MemberJobKey, signal: AbortSignal): Promise<Outcome> {
    // What cannot be seen is not changed. Its return wakes the work.
    if (!site.hasSynced || !isReady(site.member)) return onChange;
    const bar = key.indexOf('|');
    const name = key.slice(bar + 1);
    switch (key.slice(0, bar) as 'objects' | 'capacity' | 'traffic') {
      case 'objects':
        return this.#workOnObjects(site, name, signal);
      case 'capacity':
        return runCapacity(
          {
            store: this.#store,
            sight: this.#sight,
            onSettled: (target) => {
              this.#targets.add(`capacity|${keyOfRecord(target)}`);
              this.#wakeOf(target);
            },
          },
          site,
          name,
          signal,
        );
      case 'traffic':
        return runTraffic({ sight: this.#sight, clock: this.#options.clock }, site, name, signal);
    }
  }

  async #workOnObjects(site: MemberSite, key: string, signal: AbortSignal): Promise<Outcome> {
    site.working.add(key);
    try {
      if (this.#mayRemove(site, key)) {
        return await runRemove(
          { hostUid: () => this.#askHostUid(), mayRemove: (its, which) => this.#mayRemove(its, which) },
          site,
          key,
          signal,
        );
      }
      return await runInstall(
        {
          store: this.#store,
          renderings: this.#renderings,
          hostUid: () => this.#askHostUid(),
          installVersion: (target) => this.#installVersion(target),
          onOutcome: (release) => {
            this.#targets.add(`installation|${keyOfRecord(release)}`);
            this.#wakeOf(release);
          },
        },
        site,
        key,
        signal,
      );
    } finally {
      site.working.delete(key);
      const release = this.#store.get('release', key);
      if (release && isLeaving(release)) this.#wakeOf(release);
    }
  }

  /**
   * Objects go when the plan of their Release says so; when their Release leaves this member; or when it is gone from a
   * host that is seen in full, and serves nobody: a host put back from an old backup must not take live pods away.
   */
  #mayRemove(site: MemberSite, key: string): boolean {
    const { namespace = '', name } = refOf(key);
    const release = this.#store.get('release', key);
    if (!release) {
      const anchor = site.anchors.get(keyOf({ namespace, name: `${name}-anchor` }));
      if (!anchor || !this.#store.hasSynced || !this.#store.isLive) return false;
      const application = keyOf({ namespace, name: anchor.application ?? '' });
      const served = podsWithTraffic(site, application);
      return !podsOf(site, application, name).some((pod) => served.has(pod.name));
    }
    if (isLeaving(release))
      return planLeave(this.#deps(), release).steps.get(site.name)?.kind === 'remove-objects';
    const target = this.#store.get('installation', key);
    return target !== undefined && !target.spec.clusters.includes(site.name);
  }

  #onSiteChange(site: MemberSite, change: SiteChange): void {
    const { kind, namespace, application, release, ownedBy, isGone } = change;
    if (kind === 'synced' || kind === 'state') {
      if (!site.staleCache) this.#orderAll(site);
      this.#wakeAll();
      return;
    }
    if (application === undefined) return;
    const key = keyOf({ namespace, name: application });
    this.#releases.add(key, { afterMs: debounceMs });
    // What was taken away in a member is put there again.
    const owner = ownedBy ?? release;
    if (isGone && owner && ['deployment', 'service', 'anchor'].includes(kind)) {
      site.add('objects', keyOf({ namespace, name: owner }));
    }
    if (kind === 'anchor') return;
    site.add('traffic', key, kind === 'slice' ? 0 : debounceMs);
    for (const { metadata } of this.#store.of('traffic', key)) {
      this.#targets.add(`traffic|${keyOf(metadata)}`, { afterMs: debounceMs });
    }
    if (release && (kind === 'deployment' || kind === 'pod')) {
      const its = keyOf({ namespace, name: release });
      if (kind === 'deployment') site.add('capacity', its);
      this.#targets.add(`capacity|${its}`, { afterMs: debounceMs });
    }
  }

  /** Everything that concerns a member, once it is seen in full: also what it has and nobody wants any more. */
  #orderAll(site: MemberSite): void {
    for (const kind of ['installation', 'capacity', 'traffic'] as const) {
      for (const target of this.#store.list(kind)) {
        this.#order(site, kind, keyOfRecord(target), applicationKeyOf(target));
      }
    }
    for (const { namespace, ownedBy } of site.anchors.values()) {
      if (ownedBy) site.add('objects', keyOf({ namespace, name: ownedBy }));
    }
  }

  #look(cluster: string): ReturnType<Sight['site']> {
    const { members, clock } = this.#options;
    const member = members.get(cluster);
    if (!member) {
      return {
        kind: 'unreachable',
        message: `no cluster "${cluster}" is joined: run "hansa join ${cluster}"`,
      };
    }
    const site = this.#sites.get(cluster);
    if (member.health.kind === 'unknown') return { kind: 'pending' };
    if (!isReady(member)) {
      return {
        kind: 'unreachable',
        message: `cluster "${cluster}" is not ready (${member.health.message}); see "hansa describe cluster ${cluster}"`,
      };
    }
    if (!site) return { kind: 'pending' };
    const stale = site.staleCache;
    if (stale) {
      if (clock.now() - stale.sinceMs < staleGraceMs) return { kind: 'pending' };
      return { kind: 'unreachable', message: `cluster "${cluster}" cannot be watched: ${stale.message}` };
    }
    return site.hasSynced ? { kind: 'site', site } : { kind: 'pending' };
  }

  /** Who is leaving counts: what they had taken over comes back. */
  #installVersion({ metadata }: InstallationRecord): string {
    const release = this.#store.get('release', keyOf(metadata));
    const leaving = release
      ? this.#store
          .of('release', applicationKeyOf(release) ?? '')
          .filter((each) => isLeaving(each) && generationOf(each) > generationOf(release))
          .map((each) => each.metadata.uid)
      : [];
    return [metadata.uid, metadata.generation, ...leaving].join('/');
  }

  #askHostUid(): Promise<string> {
    this.#hostUid ??= this.#options.host
      .get(namespaceType, { name: 'kube-system' }, { metadataOnly: true, signal: this.#signal })
      .then(({ metadata }) => metadata.uid ?? '')
      .catch((error: unknown) => {
        this.#hostUid = undefined;
        throw error;
      });
    return this.#hostUid;
  }
}
