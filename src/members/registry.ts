import type { Clock, Logger, Rng } from '../base/index.ts';
import { HansaError, messageOf } from '../base/index.ts';
import {
  type Access,
  type ApiClient,
  Cache,
  type Cached,
  keyOf,
  type KubeMetrics,
  type KubeObject,
  type ResourceType,
  secretType,
} from '../kube/index.ts';
import type { Member as MemberView, MemberName } from '../scheduling/index.ts';
import { accessOf, type ClusterRecord, clusterRecord } from './cluster-record.ts';
import {
  conditionsOf,
  type Health,
  nextHealth,
  type Probe,
  type Thresholds,
  unknownHealth,
} from './health.ts';
import { renewToken, tokenLifeOf, tokenRenewalDue } from './join/renew-token.ts';
import type { Member } from './member.ts';
import { probeMember } from './probe.ts';

export const clusterType: ResourceType = {
  group: 'core.kubefed.io',
  version: 'v1beta1',
  kind: 'KubeFedCluster',
  plural: 'kubefedclusters',
  namespaced: true,
};

export interface HealthCheckOptions extends Thresholds {
  readonly periodMs: number;
  readonly timeoutMs: number;
}

/** KubeFed's defaults, as KubeFedConfig documents them. */
export const defaultHealthCheck: HealthCheckOptions = {
  periodMs: 10_000,
  timeoutMs: 3_000,
  failureThreshold: 3,
  successThreshold: 1,
};

export interface MembersOptions {
  readonly host: ApiClient;
  /** Namespace of the KubeFedClusters and their Secrets. */
  readonly namespace: string;
  readonly connect: (name: string, access: Access) => ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  readonly healthCheck?: HealthCheckOptions;
  /** The member has left; its metrics may go. */
  readonly onRemoved?: (name: string) => void;
  readonly onHealth?: (member: { readonly name: string; readonly health: Health }) => void;
}

export interface MembersListener {
  /** A member to work with from now on; also after its address or credentials changed. */
  added?(member: Member): void;
  /** Labels, alias or health changed. */
  changed?(member: Member, before: { readonly view: MemberView; readonly health: Health }): void;
  removed?(member: Member): void;
}

/** An unchanged health is written again after this long, so that a person sees that probing goes on. */
const statusHeartbeatMs = 5 * 60_000;
/** How often the age of a member's token is looked at; the shortest that servers give live an hour. */
const tokenCheckMs = 5 * 60_000;

class LiveMember implements Member {
  readonly name: MemberName;
  readonly controller = new AbortController();
  /** What the client was made of; another value needs another client. */
  readonly fingerprint: string;
  client: ApiClient | undefined;
  /** Where the client's next call finds the token. */
  access: Access | undefined;
  tokenCheckedAtMs = Number.NEGATIVE_INFINITY;
  view: MemberView;
  health: Health = unknownHealth;
  statusWrittenAtMs = Number.NEGATIVE_INFINITY;

  constructor(name: MemberName, fingerprint: string, view: MemberView) {
    this.name = name;
    this.fingerprint = fingerprint;
    this.view = view;
  }

  get lifetime(): AbortSignal {
    return this.controller.signal;
  }
}

/**
 * The joined clusters: follows KubeFedClusters and their Secrets on the host, makes a client for each, probes it and
 * reports its health in its status.
 *
 * Guarantees: what is wrong with one member (Secret, certificate, address, health) shows on that member alone.
 * Caveats: a host that can't be read keeps the members as they were; members leave only when their object is gone.
 */
export class Members {
  readonly #options: MembersOptions & { readonly healthCheck: HealthCheckOptions };
  readonly #clusters: Cache<ClusterRecord>;
  readonly #secrets: Cache<Cached>;
  readonly #members = new Map<string, LiveMember>();
  readonly #listeners: MembersListener[] = [];
  /** Clusters whose client is being made; a change meanwhile is looked at afterwards. */
  readonly #refreshing = new Map<string, Promise<void>>();
  readonly #dirty = new Set<string>();
  readonly #probing: Promise<void>[] = [];
  #signal: AbortSignal = AbortSignal.abort();
  #views: readonly MemberView[] | undefined;

  constructor({ healthCheck = defaultHealthCheck, ...options }: MembersOptions) {
    this.#options = { ...options, healthCheck };
    const { host: client, namespace, clock, rng, logger, metrics } = options;
    const common = { client, namespace, clock, rng, logger, ...(metrics ? { metrics } : {}) };
    this.#clusters = new Cache({
      ...common,
      name: 'host/kubefedclusters',
      type: clusterType,
      project: clusterRecord,
    });
    this.#secrets = new Cache<Cached>({
      ...common,
      name: 'host/secrets',
      type: secretType,
      // Only the version: a change of it says that the token may have changed.
      metadataOnly: true,
      project: ({ metadata }) => ({ resourceVersion: metadata.resourceVersion ?? '' }),
    });
    this.#clusters.onChange((key) => this.#refresh(key));
    this.#secrets.onChange((key, { initial }) => {
      if (initial) return;
      for (const [clusterKey, cluster] of this.#clusters.entries()) {
        if (keyOf({ namespace, name: cluster.secretName }) === key) this.#refresh(clusterKey);
      }
    });
  }

  get(name: string): Member | undefined {
    return this.#members.get(name);
  }

  list(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** The same array as long as no member comes, goes or changes its name, alias or labels. */
  views(): readonly MemberView[] {
    this.#views ??= this.list().map(({ view }) => view);
    return this.#views;
  }

  onMember(listener: MembersListener): void {
    this.#listeners.push(listener);
  }

  /** True once each cluster known at the start has a client or a reason why not. */
  get hasSynced(): boolean {
    return this.#clusters.hasSynced && this.#members.size >= this.#clusters.size;
  }

  /** Follows the host until the signal. Resolves when all probes have ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    await Promise.all([this.#clusters.run(signal), this.#secrets.run(signal)]);
    await Promise.all(this.#refreshing.values());
    for (const member of this.#members.values()) this.#end(member);
    await Promise.all(this.#probing);
  }

  /** Resolves when the members known on the host at the start are here. */
  async synced(): Promise<void> {
    await this.#clusters.synced;
    await Promise.all(this.#refreshing.values());
  }

  #refresh(key: string): void {
    if (this.#refreshing.has(key)) {
      this.#dirty.add(key);
      return;
    }
    const work = this.#refreshUntilRead(key).finally(() => {
      this.#refreshing.delete(key);
      if (this.#dirty.delete(key)) this.#refresh(key);
    });
    this.#refreshing.set(key, work);
  }

  /** A Secret that can't be read says nothing about the member: it stays as it was until the host answers. */
  async #refreshUntilRead(key: string): Promise<void> {
    for (let pauseMs = 500; !this.#signal.aborted; pauseMs = Math.min(pauseMs * 2, 10_000)) {
      try {
        await this.#refreshNow(key);
        return;
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#options.logger.warn('cluster not read', { cluster: key, error: messageOf(error) });
        await this.#options.clock.sleep(pauseMs, this.#signal).catch(() => undefined);
      }
    }
  }

  async #refreshNow(key: string): Promise<void> {
    const cluster = this.#clusters.get(key);
    const name = key.slice(key.indexOf('/') + 1);
    const known = this.#members.get(name);
    if (!cluster) {
      if (known) this.#remove(known);
      return;
    }
    const { access, problem } = await this.#accessFor(cluster);
    const fingerprint = JSON.stringify([
      cluster.uid,
      cluster.apiEndpoint,
      cluster.caBundle,
      cluster.disabledTlsValidations,
      cluster.proxyUrl,
      problem,
    ]);
    const view: MemberView = {
      name: cluster.name as MemberName,
      labels: cluster.labels,
      ...(cluster.alias === undefined ? {} : { alias: cluster.alias }),
    };
    if (known?.fingerprint === fingerprint) {
      // A renewed token is taken up by the next call; connections, watches and caches go on.
      known.access = access;
      this.#update(known, { view });
      return;
    }
    if (known) this.#remove(known);
    const member = new LiveMember(view.name, fingerprint, view);
    if (access) {
      member.access = access;
      member.client = this.#options.connect(cluster.name, {
        ...access,
        headers: (options) => member.access?.headers?.(options) ?? Promise.resolve({}),
      });
    }
    if (problem)
      member.health = nextHealth(
        unknownHealth,
        { kind: 'malformed', message: problem },
        this.#options.healthCheck,
        this.#options.clock.now(),
      );
    this.#members.set(name, member);
    this.#views = undefined;
    this.#options.logger.info('member added', { member: name, server: access?.server, problem });
    for (const listener of this.#listeners) listener.added?.(member);
    this.#probing.push(this.#keepProbing(member));
  }

  async #accessFor(cluster: ClusterRecord): Promise<{ access?: Access; problem?: string }> {
    const secret = cluster.secretName ? await this.#readSecret(cluster.secretName) : undefined;
    try {
      return { access: accessOf(cluster, secret) };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }

  /** A token that expires is renewed by itself long before; join says how long it lives. */
  async #keepTokenFresh(member: LiveMember): Promise<void> {
    const { host, clock, logger } = this.#options;
    const cluster = this.#clusters.get(keyOf({ namespace: this.#options.namespace, name: member.name }));
    if (!member.client || member.health.kind !== 'ready' || !cluster?.secretName) return;
    if (clock.monotonic() - member.tokenCheckedAtMs < tokenCheckMs) return;
    member.tokenCheckedAtMs = clock.monotonic();
    try {
      const secret = await this.#readSecret(cluster.secretName);
      const life = secret && tokenLifeOf(secret);
      if (!life || !tokenRenewalDue(life, clock.now())) return;
      await renewToken({ host, member: member.client, secret, nowMs: clock.now(), signal: member.lifetime });
      logger.info('token renewed', { member: member.name });
    } catch (error) {
      // Half of the token's life is left for the next try.
      logger.warn('token not renewed', { member: member.name, error: messageOf(error) });
    }
  }

  async #readSecret(name: string): Promise<KubeObject | undefined> {
    const { host, namespace } = this.#options;
    try {
      return await host.get(secretType, { namespace, name }, { signal: this.#signal });
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
      throw error;
    }
  }

  #remove(member: LiveMember): void {
    this.#members.delete(member.name);
    this.#views = undefined;
    this.#end(member);
    this.#options.logger.info('member removed', { member: member.name });
    this.#options.onRemoved?.(member.name);
    for (const listener of this.#listeners) listener.removed?.(member);
  }

  #end(member: LiveMember): void {
    member.controller.abort(new HansaError(`the member ${member.name} was removed`, { reason: 'Cancelled' }));
    member.client?.close().catch(() => undefined);
  }

  #update(member: LiveMember, change: { readonly view?: MemberView; readonly health?: Health }): void {
    const before = { view: member.view, health: member.health };
    member.view = change.view ?? member.view;
    if (change.view) this.#views = undefined;
    member.health = change.health ?? member.health;
    const flipped = before.health.kind !== member.health.kind;
    const renamed = JSON.stringify(before.view) !== JSON.stringify(member.view);
    if (flipped) {
      this.#options.logger.info('member health changed', {
        member: member.name,
        from: before.health.kind,
        to: member.health.kind,
        why: member.health.message,
      });
    }
    if (flipped || renamed) for (const listener of this.#listeners) listener.changed?.(member, before);
  }

  async #keepProbing(member: LiveMember): Promise<void> {
    const { clock, rng, healthCheck } = this.#options;
    while (!member.lifetime.aborted) {
      await this.#probeOnce(member);
      // While the verdict is open, look again soon: a threshold of 3 then takes seconds, not half a minute more.
      const pauseMs = member.health.kind === 'unknown' ? 1_000 : healthCheck.periodMs;
      await clock.sleep(pauseMs * (0.9 + 0.2 * rng()), member.lifetime).catch(() => undefined);
    }
  }

  async #probeOnce(member: LiveMember): Promise<void> {
    const { clock, healthCheck } = this.#options;
    if (member.client) {
      const probe: Probe = await probeMember(member.client, {
        timeoutMs: healthCheck.timeoutMs,
        signal: member.lifetime,
      });
      if (member.lifetime.aborted) return;
      this.#update(member, { health: nextHealth(member.health, probe, healthCheck, clock.now()) });
    }
    this.#options.onHealth?.({ name: member.name, health: member.health });
    await this.#keepTokenFresh(member);
    await this.#writeStatus(member).catch((error: unknown) => {
      this.#options.logger.warn('cluster status not written', {
        member: member.name,
        error: messageOf(error),
      });
    });
  }

  async #writeStatus(member: LiveMember): Promise<void> {
    const { host, namespace, clock } = this.#options;
    const key = keyOf({ namespace, name: member.name });
    const cluster = this.#clusters.get(key);
    if (!cluster || member.health.kind === 'unknown') return;
    const conditions = conditionsOf(member.health, cluster.conditions, clock.now());
    const same =
      cluster.kubernetesVersion === member.health.version &&
      conditions.length === cluster.conditions.length &&
      conditions.every(({ type, status, reason, message }, i) => {
        const old = cluster.conditions[i];
        return (
          old?.type === type && old.status === status && old.reason === reason && old.message === message
        );
      });
    if (same && clock.monotonic() - member.statusWrittenAtMs < statusHeartbeatMs) return;
    member.statusWrittenAtMs = clock.monotonic();
    const took = this.#clusters.beforeWrite(key);
    const version = member.health.version;
    took(
      await host.patch(
        clusterType,
        { namespace, name: member.name },
        {
          status: {
            conditions: conditions.map((condition) => ({ ...condition })),
            ...(version ? { kubernetesVersion: version } : {}),
          },
        },
        { type: 'merge', subresource: 'status', signal: member.lifetime },
      ),
    );
  }
}
