import { type Clock, HansaError, type Logger, messageOf, type Rng } from '../../base/index.ts';
import {
  type ApiClient,
  Cache,
  type EventRecorder,
  KeyedQueue,
  keyOf,
  type KubeMetrics,
  type Outcome,
  refOf,
  type ResourceType,
  runController,
  secretType,
} from '../../kube/index.ts';
import { clusterType } from '../../members/index.ts';
import type { FederationRegistrar } from '../registration/registrar.ts';
import { registeredByLabel, sourceOf } from '../registration/words.ts';
import { joinByDoor, leaveByDoor } from './carry-out.ts';
import { type ClusterView, viewOf } from './cluster-view.ts';
import { decide, type SeenMember, type Verdict } from './decide.ts';
import { discoverClusters } from './discover.ts';
import { type CachedMember, type CachedSecret, projectMember, projectSecret } from './projections.ts';

export interface ClusterApiRegistrationOptions {
  readonly host: ApiClient;
  readonly registrar: FederationRegistrar;
  /** Where the host has its KubeFedClusters. */
  readonly namespace: string;
  /** Only Clusters of this namespace; absent: of all. Who may label Clusters there decides who becomes a member. */
  readonly clusterNamespace?: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  /** Events on the Clusters. */
  readonly tell?: EventRecorder['say'];
  /** How often is looked whether the host serves Clusters, and in which version. */
  readonly recheckMs?: number;
  /** A Cluster that vanished is believed to be gone after so long, and if it is asked for once more. */
  readonly goneAfterMs?: number;
}

const defaults = { recheckMs: 60_000, goneAfterMs: 30_000 } as const;
/** A join talks to a cluster that may be slow; more at once than this is a whole fleet made anew. */
const workers = 4;
const notSyncedMs = 250;
/** Cluster API writes the kubeconfig seconds after the control plane is up. */
const kubeconfigWaitMs = 15_000;

/**
 * Clusters of Cluster API as members, for those that ask for it with a label.
 *
 * *Flow*: waits until the host serves Clusters; then each that is labelled and initialized is joined with its
 * `<name>-kubeconfig`, and unjoined when its label goes, when it is being deleted, or when it is gone.
 * *Guarantees*: nothing of Cluster API is written; only members that came in by this door are taken out, and never
 * because something could not be read: a missing CRD, a broken watch or a refused read leave everything as it is.
 * *Caveats*: without a finalizer of ours, a Cluster that is deleted quickly may be gone before its account there could be
 * taken away; the account goes with the cluster.
 */
export class ClusterApiRegistration {
  readonly #options: ClusterApiRegistrationOptions;
  readonly #queue: KeyedQueue;
  readonly #members: Cache<CachedMember>;
  /** Secrets of members that are on their way out by this door. */
  readonly #leaving: Cache<CachedSecret>;
  #clusters: Cache<ClusterView> | undefined;
  #clusterType: ResourceType | undefined;
  readonly #lastSeen = new Map<string, ClusterView>();
  readonly #vanishedAtMs = new Map<string, number>();
  /** What was said last of a Cluster, so that it is said once. */
  readonly #told = new Map<string, string>();

  constructor(options: ClusterApiRegistrationOptions) {
    this.#options = options;
    const { host, namespace, clock, rng, logger, metrics } = options;
    const common = { clock, rng, ...(metrics ? { metrics } : {}) };
    this.#queue = new KeyedQueue({
      ...common,
      name: 'cluster-api',
      backoffMs: { first: 1_000, max: 300_000 },
    });
    this.#members = new Cache({
      ...common,
      name: 'cluster-api-members',
      client: host,
      type: clusterType,
      namespace,
      logger,
      project: projectMember,
    });
    this.#leaving = new Cache({
      ...common,
      name: 'cluster-api-leaving',
      client: host,
      type: secretType,
      namespace,
      labelSelector: `${registeredByLabel}=ClusterAPI`,
      metadataOnly: true,
      logger,
      project: projectSecret,
    });
    this.#members.onChange((name, { old, next }) => {
      for (const member of [old, next]) this.#wakeSource(member);
      // Whoever waits for the name.
      for (const [key, cluster] of this.#clusters?.entries() ?? []) {
        if (cluster.isWanted && cluster.memberName === refOf(name).name) this.#queue.add(key);
      }
    });
    this.#leaving.onChange((_, { next }) => {
      if (next) this.#queue.add(next.key);
    });
  }

  /** The host serves Clusters, and all of them have been seen. */
  get isWatching(): boolean {
    return this.#isCurrent();
  }

  /** Works until the signal; resolves when everything under way has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, metrics } = this.#options;
    await Promise.all([
      this.#members.run(signal),
      this.#leaving.run(signal),
      this.#watchClusters(signal),
      runController({
        name: 'cluster-api',
        queue: this.#queue,
        concurrency: workers,
        logger,
        signal,
        ...(metrics ? { metrics } : {}),
        reconcile: (key) => this.#reconcile(key, signal),
      }),
    ]);
  }

  /** Follows the kind in the version that is served best, for as long as one is. */
  async #watchClusters(signal: AbortSignal): Promise<void> {
    const { host, clock, logger, recheckMs = defaults.recheckMs } = this.#options;
    let stop = new AbortController();
    let running: Promise<void> = Promise.resolve();
    while (!signal.aborted) {
      try {
        const found = await discoverClusters(host, signal);
        if (found?.version !== this.#clusterType?.version) {
          stop.abort();
          await running;
          stop = new AbortController();
          this.#clusterType = found;
          this.#clusters = found && this.#cacheOf(found);
          running = this.#clusters?.run(AbortSignal.any([signal, stop.signal])) ?? Promise.resolve();
          logger.info('cluster api', { version: found?.version ?? 'not served' });
          void this.#clusters?.synced.then(() => this.#wakeAll());
        }
      } catch (error) {
        if (!signal.aborted) logger.debug('cluster api not discovered', { error: messageOf(error) });
      }
      await clock.sleep(recheckMs, signal).catch(() => undefined);
    }
    stop.abort();
    await running;
  }

  #cacheOf(type: ResourceType): Cache<ClusterView> {
    const {
      host,
      clusterNamespace,
      clock,
      rng,
      logger,
      metrics,
      goneAfterMs = defaults.goneAfterMs,
    } = this.#options;
    const cache = new Cache<ClusterView>({
      name: 'cluster-api-clusters',
      client: host,
      type,
      ...(clusterNamespace === undefined ? {} : { namespace: clusterNamespace }),
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
      project: viewOf,
    });
    cache.onChange((key, { next }) => {
      if (next) {
        this.#lastSeen.set(key, next);
        this.#vanishedAtMs.delete(key);
        this.#queue.add(key);
      } else {
        this.#vanishedAtMs.set(key, clock.monotonic());
        this.#queue.add(key, { afterMs: goneAfterMs });
      }
    });
    return cache;
  }

  #wakeSource(member: Pick<SeenMember, 'labels'> | undefined): void {
    const source = member && sourceOf(member.labels);
    if (source?.by === 'ClusterAPI') this.#queue.add(keyOf(source));
  }

  /** Members whose Cluster is not there have no event that would wake them. */
  #wakeAll(): void {
    for (const member of this.#members.values()) this.#wakeSource(member);
    for (const { key } of this.#leaving.values()) this.#queue.add(key);
  }

  #isCurrent(): boolean {
    return [this.#clusters, this.#members, this.#leaving].every((cache) => cache?.state.kind === 'live');
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    // Without the kind there is nothing to go by; its return wakes everything.
    if (!this.#clusterType) return { again: 'on-change' };
    if (!this.#isCurrent()) return { again: 'after', afterMs: notSyncedMs };
    const waitMs = this.#graceLeftMs(key);
    if (waitMs > 0) return { again: 'after', afterMs: waitMs };
    const { namespace = '', name } = refOf(key);
    const cluster = this.#clusters?.get(key) ?? (await this.#askFor({ namespace, name }, signal));
    if (cluster === 'not-ours') return { again: 'on-change' };
    const verdict = decide({
      key: { namespace, name },
      cluster,
      wasPaused: this.#lastSeen.get(key)?.isPaused ?? false,
      members: [...this.#members.values()],
      halfLeft: [...this.#leaving.values()]
        .filter((secret) => secret.key === key && !this.#members.get(this.#memberKey(secret.member)))
        .map(({ member }) => member),
    });
    return this.#carryOut(key, verdict, cluster, signal);
  }

  #graceLeftMs(key: string): number {
    const { clock, goneAfterMs = defaults.goneAfterMs } = this.#options;
    if (this.#clusters?.get(key)) return 0;
    const sinceMs = this.#vanishedAtMs.get(key) ?? clock.monotonic();
    this.#vanishedAtMs.set(key, sinceMs);
    return goneAfterMs - (clock.monotonic() - sinceMs);
  }

  /** Whether it is really gone: the one answer that counts is that of a server that knows the kind. */
  async #askFor(
    ref: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<ClusterView | 'gone' | 'not-ours'> {
    const { host, clusterNamespace } = this.#options;
    if (!this.#clusterType || (clusterNamespace !== undefined && clusterNamespace !== ref.namespace)) {
      return 'not-ours';
    }
    try {
      return viewOf(await host.get(this.#clusterType, ref, { signal }));
    } catch (error) {
      if (
        error instanceof HansaError &&
        (error.reason === 'NotFound' || error.reason === 'NamespaceNotFound')
      )
        return 'gone';
      throw error;
    }
  }

  async #carryOut(
    key: string,
    verdict: Verdict,
    cluster: ClusterView | 'gone',
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { logger } = this.#options;
    if (cluster !== 'gone' && cluster.isWanted && cluster.badLabels.length > 0) {
      const note = `left out of the member's labels: ${cluster.badLabels.join(', ')}`;
      this.#tellOnce(cluster, 'Warning', 'InvalidLabels', note);
    }
    switch (verdict.kind) {
      case 'nothing':
        if (cluster === 'gone') this.#forget(key);
        return { again: 'on-change' };
      case 'hold':
        logger.warn('cluster api', { key, reason: verdict.reason, message: verdict.message });
        this.#tellOnce(cluster, 'Warning', verdict.reason, verdict.message);
        return { again: 'on-change' };
      case 'join':
        if (cluster === 'gone') return { again: 'on-change' };
        return this.#telling(cluster, `it could not be made member ${verdict.member}`, signal, () =>
          this.#join(cluster, verdict, signal),
        );
      case 'leave':
        return this.#telling(cluster, `member ${verdict.member} could not leave`, signal, () =>
          this.#leave(key, verdict, cluster, signal),
        );
    }
  }

  async #join(
    cluster: ClusterView,
    verdict: Extract<Verdict, { kind: 'join' }>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    switch (await joinByDoor({ ...this.#options, signal }, cluster, verdict)) {
      case 'waits':
        return { again: 'after', afterMs: kubeconfigWaitMs };
      case 'nothing-to-do':
        return { again: 'on-change' };
      case 'joined':
        this.#options.logger.info('member joined', { key: keyOf(cluster), member: verdict.member });
        this.#tellOnce(cluster, 'Normal', 'Registered', `it is member ${verdict.member} now`);
        return { again: 'on-change' };
    }
  }

  async #leave(
    key: string,
    verdict: Extract<Verdict, { kind: 'leave' }>,
    cluster: ClusterView | 'gone',
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { namespace = '', name } = refOf(key);
    if (await leaveByDoor({ ...this.#options, signal }, { namespace, name }, verdict)) {
      const { member, because } = verdict;
      this.#options.logger.info('member left', { key, member, because });
      this.#tellOnce(cluster, 'Normal', 'Unregistered', `member ${member} has left: ${because}`);
    }
    // There may be more to do, such as to join under the next name.
    return { again: 'after', afterMs: notSyncedMs };
  }

  /** What fails is tried again by the law of its error; the Cluster tells a person why. */
  async #telling(
    cluster: ClusterView | 'gone',
    what: string,
    signal: AbortSignal,
    work: () => Promise<Outcome>,
  ): Promise<Outcome> {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof HansaError ? error.reason : 'RegistrationFailed';
      if (!signal.aborted) this.#tellOnce(cluster, 'Warning', reason, `${what}: ${messageOf(error)}`);
      throw error;
    }
  }

  #memberKey(name: string): string {
    return keyOf({ namespace: this.#options.namespace, name });
  }

  #forget(key: string): void {
    this.#lastSeen.delete(key);
    this.#vanishedAtMs.delete(key);
    this.#told.delete(key);
  }

  #tellOnce(cluster: ClusterView | 'gone', type: 'Normal' | 'Warning', reason: string, note: string): void {
    if (cluster === 'gone') return;
    const key = keyOf(cluster);
    if (this.#told.get(key) === note) return;
    this.#told.set(key, note);
    const { apiVersion, namespace, name, uid } = cluster;
    this.#options.tell?.(
      { apiVersion, kind: 'Cluster', metadata: { namespace, name, uid } },
      { type, reason, action: 'Register', note },
    );
  }
}
