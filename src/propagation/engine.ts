import { type FederatedKind, federatedKinds } from '../api/federated-kinds.ts';
import { legacySyncFinalizer, managedLabel, syncFinalizer } from '../api/names.ts';
import { type Clock, HansaError, type Logger, type Rng } from '../base/index.ts';
import {
  type ApiClient,
  Cache,
  type CacheState,
  KeyedQueue,
  keyOf,
  type KubeMetrics,
  type Outcome as RunOutcome,
  refOf,
  runController,
} from '../kube/index.ts';
import { isReady, type Member, type Members } from '../members/index.ts';
import { carryOut, type Result } from './carry-out.ts';
import type { FederatedRecord } from './federated-record.ts';
import { type MemberRecord, metadataRecord, workloadRecord } from './member-record.ts';
import { kindIdOf, type KindId, type ObjectKey, ownerKey, parseObjectKey, targetRef } from './object-key.ts';
import { isBeingRemoved, type Outcome, type OutcomeKind, since } from './outcome.ts';
import { type DecideInput, type Decision, decide, intentFor } from './plan/decide.ts';
import { type Known, stepFor, versionOf } from './plan/intent.ts';
import { currentRevision, type Pin, pinWithoutContent } from './plan/pinned.ts';
import { Revisions } from './revisions.ts';
import { RolloutIndex } from './rollout-index.ts';
import { Sources } from './sources.ts';
import { type FederatedStatus, type MemberLine, type MemberStatus, sameStatus, statusOf } from './status.ts';

/** Says something on an object's behalf, as an event; folded and rate-limited by who takes it. */
export type Tell = (
  object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  },
  event: {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly action: string;
    readonly note: string;
  },
) => void;

export interface EngineOptions {
  readonly host: ApiClient;
  readonly members: Members;
  /** Hansa's own namespace on the host; its FederatedNamespace is ignored. */
  readonly namespace: string;
  /** Take over objects that exist already in members. KubeFed's adoptResources. */
  readonly adopt?: boolean;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly metrics?: KubeMetrics;
  readonly tell?: Tell;
}

/** Runs at once against the host; its API priority levels give a single client little more. */
const hostConcurrency = 16;
/** Runs at once in one member, so that a fleet of slow ones can't fill the process with waiting calls. */
const memberConcurrency = 16;
const statusConcurrency = 4;
/** Calls to a member end after this long: 30 s answers then show as time-outs, not as a stuck queue. */
export const memberDeadlineMs = 10_000;
const memberBackoffMs = { first: 500, max: 60_000 };
/** A status waits this long for further members, so that one write tells of all of them. */
const statusDebounceMs = 25;
/** Ready counts change with each pod; they need not be newer than this. */
const countsDebounceMs = 1_000;
/** While this many writes to members wait, statuses give way … */
const busyDepth = 32;
/** … but not longer than this. */
const statusPatienceMs = 10_000;
const statusRetryMs = 200;
/** In a rush thousands wait, and looking at each five times a second costs more than writing it. */
const rushRetryMs = 1_500;
/** A deletion that waits for a member is looked at again after this long, should an event get lost. */
const removalRecheckMs = 10_000;

/** One member as the engine works with it: its caches, its queue, and what came of each object there. */
interface Link {
  readonly member: Member;
  readonly caches: ReadonlyMap<KindId, Cache<MemberRecord>>;
  readonly queue: KeyedQueue<ObjectKey>;
  readonly outcomes: Map<ObjectKey, Outcome>;
  readonly done: Promise<void>;
}

/**
 * Keeps members in line with the federated objects of the host.
 *
 * Flow: a change on the host wakes the host queue, which sees to the finalizer and wakes the queue of each member
 * concerned; a member's worker observes, decides the one step that is missing there, does it and notes the outcome;
 * the status queue folds outcomes into one status write. Events from a member wake that member's queue alone.
 * Guarantees: no write without a difference; nothing is written to a member before the finalizer is in place; a
 * member's trouble stays in its own queue.
 */
export class Propagation {
  readonly #options: EngineOptions;
  readonly #sources: Sources;
  readonly #hostQueue: KeyedQueue<ObjectKey>;
  readonly #statusQueue: KeyedQueue<ObjectKey>;
  readonly #links = new Map<string, Link>();
  /** Since when a status waits, so that giving way to other work has an end. */
  readonly #statusSince = new Map<ObjectKey, number>();
  /** Each member asks for the same decision; records are never changed, so it holds while its other inputs do. */
  readonly #decisions = new WeakMap<
    FederatedRecord,
    { readonly input: DecideInput; readonly decision: Decision }
  >();
  readonly #rollouts: RolloutIndex;
  readonly #revisions: Revisions;
  /** Of the spec of a pinned object; each member asks for it. */
  readonly #currentRevisions = new WeakMap<FederatedRecord, string>();
  readonly #rush = new Rush();
  #signal: AbortSignal = AbortSignal.abort();
  #started = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { clock, rng, logger, metrics } = options;
    const queueOptions = { clock, rng, ...(metrics ? { metrics } : {}) };
    this.#hostQueue = new KeyedQueue({
      ...queueOptions,
      name: 'federated',
      backoffMs: { first: 50, max: 60_000 },
    });
    this.#statusQueue = new KeyedQueue({
      ...queueOptions,
      name: 'status',
      backoffMs: { first: 100, max: 60_000 },
    });
    this.#sources = new Sources({
      host: options.host,
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
      onChange: (key, { initial }) => this.#onFederatedChange(key, initial),
    });
    this.#rollouts = new RolloutIndex({
      host: options.host,
      clock,
      rng,
      logger,
      ...(metrics ? { metrics } : {}),
      onChange: ({ namespace, ref }) => {
        for (const key of this.#sources.keys({ namespace })) {
          const { row, name } = parseObjectKey(key);
          if (!ref || (ref.name === name && ref.kind === row.federatedKind)) this.#hostQueue.add(key);
        }
      },
    });
    this.#revisions = new Revisions(options.host);
  }

  get sources(): Sources {
    return this.#sources;
  }

  /** What the member's caches show of a federated object's target; for the scheduling of replicas. */
  observedIn(memberName: string, key: ObjectKey): MemberRecord | undefined {
    const { kindId } = parseObjectKey(key);
    return this.#links
      .get(memberName)
      ?.caches.get(kindId)
      ?.get(keyOf(targetRef(key)));
  }

  /** Tells whether a member's list of this kind has been read, so that absence there means something. */
  hasSynced(memberName: string, row: FederatedKind): boolean {
    return this.#links.get(memberName)?.caches.get(kindIdOf(row))?.hasSynced ?? false;
  }

  /** The member said that it doesn't serve this kind. */
  isUnserved(memberName: string, row: FederatedKind): boolean {
    return isUnserved(this.#links.get(memberName)?.caches.get(kindIdOf(row))?.state);
  }

  readonly #federatedListeners: ((key: ObjectKey) => void)[] = [];

  /** Hears of every federated object that came, went or changed. */
  onFederated(listener: (key: ObjectKey) => void): void {
    this.#federatedListeners.push(listener);
  }

  readonly #memberListeners: ((memberName: string, key: ObjectKey) => void)[] = [];

  /** Hears of every change to an object that Hansa keeps in a member. */
  onMemberObject(listener: (memberName: string, key: ObjectKey) => void): void {
    this.#memberListeners.push(listener);
  }

  /** Work that waits or runs; 0 when everything is settled. */
  get unsettled(): number {
    let count = this.#hostQueue.readyCount + this.#hostQueue.runningCount;
    count += this.#statusQueue.depth + this.#statusQueue.runningCount;
    for (const { queue } of this.#links.values()) count += queue.readyCount + queue.runningCount;
    return count;
  }

  /** True once all lists of the host were read. */
  get isReady(): boolean {
    return this.#started;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { members, logger, metrics } = this.#options;
    members.onMember({
      added: (member) => this.#addLink(member),
      changed: (member, before) => this.#onMemberChange(member, before),
      removed: (member) => this.#dropLink(member),
    });
    for (const member of members.list()) this.#addLink(member);
    const sources = Promise.all([this.#sources.run(signal), this.#rollouts.run(signal)]);
    // Deciding on half of the host's lists would take namespaces for missing, and what is rolled out for free.
    await Promise.race([
      Promise.all([this.#sources.ready(), this.#rollouts.ready(), members.synced()]),
      aborted(signal),
    ]);
    this.#started = !signal.aborted;
    const common = { logger, signal, ...(metrics ? { metrics } : {}) };
    await Promise.all([
      sources,
      runController({
        ...common,
        name: 'federated',
        queue: this.#hostQueue,
        concurrency: hostConcurrency,
        reconcile: (key) => this.#reconcileOnHost(key),
      }),
      runController({
        ...common,
        name: 'status',
        queue: this.#statusQueue,
        concurrency: statusConcurrency,
        reconcile: (key) => this.#reconcileStatus(key),
      }),
    ]);
    await Promise.all([...this.#links.values()].map(({ done }) => done));
  }

  // ---- what wakes which queue ----

  #onFederatedChange(key: ObjectKey, initial: boolean): void {
    for (const listener of this.#federatedListeners) listener(key);
    this.#hostQueue.add(key, { priority: initial ? 'low' : 'high' });
    const { row, namespace } = parseObjectKey(key);
    if (row.target.plural === 'namespaces' && !initial) {
      // Its placement cuts that of everything in the namespace.
      for (const other of this.#sources.keys({ namespace })) this.#hostQueue.add(other);
    }
  }

  #onMemberObjectChange(link: Link, row: FederatedKind, cacheKey: string, change: MemberChange): void {
    const key = ownerKey(row, refOf(cacheKey));
    for (const listener of this.#memberListeners) listener(link.member.name, key);
    const { old, next } = change;
    const countsOnly = old && next && sameButCounts(old, next);
    if (countsOnly) {
      this.#addStatus(key, countsDebounceMs);
      return;
    }
    link.queue.add(key, { priority: change.initial ? 'low' : 'high' });
    if (row.target.plural === 'namespaces' && !old && next) {
      for (const other of this.#sources.keys({ namespace: cacheKey })) {
        if (other !== key) link.queue.add(other);
      }
    }
  }

  #onMemberChange(
    member: Member,
    before: { readonly view: Member['view']; readonly health: Member['health'] },
  ): void {
    if (JSON.stringify(before.view) !== JSON.stringify(member.view)) {
      // A label or an alias may change any placement.
      for (const key of this.#sources.keys()) this.#hostQueue.add(key, { priority: 'low' });
      return;
    }
    const link = this.#links.get(member.name);
    for (const key of this.#sources.keys()) {
      if (isReady(member)) link?.queue.add(key, { priority: 'low' });
      this.#addStatus(key, statusDebounceMs);
    }
    if (link && isReady(member)) for (const row of federatedKinds) this.#wakeHeld(link, row);
  }

  /** What a member holds without a federated object is found in its own lists alone. */
  #wakeHeld({ caches, queue }: Link, row: FederatedKind): void {
    for (const [cacheKey] of caches.get(kindIdOf(row))?.entries() ?? [])
      queue.add(ownerKey(row, refOf(cacheKey)), { priority: 'low' });
  }

  #addStatus(key: ObjectKey, afterMs: number): void {
    if (!this.#statusSince.has(key)) this.#statusSince.set(key, this.#options.clock.monotonic());
    this.#statusQueue.add(key, { afterMs });
  }

  // ---- members ----

  #addLink(member: Member): void {
    const { clock, rng, logger, metrics } = this.#options;
    const withMetrics = metrics ? { metrics } : {};
    const client = member.client;
    const caches = new Map<KindId, Cache<MemberRecord>>();
    const signal = AbortSignal.any([this.#signal, member.lifetime]);
    const queue = new KeyedQueue<ObjectKey>({
      clock,
      rng,
      ...withMetrics,
      name: `member/${member.name}`,
      backoffMs: memberBackoffMs,
    });
    const running: Promise<void>[] = [];
    const link: Link = {
      member,
      caches,
      queue,
      outcomes: new Map(),
      get done() {
        return Promise.all(running).then(() => undefined);
      },
    };
    this.#links.set(member.name, link);
    if (client) {
      for (const row of federatedKinds as readonly FederatedKind[]) {
        const cache = new Cache<MemberRecord>({
          name: `${member.name}/${kindIdOf(row)}`,
          client,
          type: row.target,
          labelSelector: `${managedLabel}=true`,
          metadataOnly: row.metadataOnly,
          project: row.metadataOnly ? metadataRecord : workloadRecord,
          clock,
          rng,
          logger: logger.child({ member: member.name }),
          ...withMetrics,
        });
        caches.set(kindIdOf(row), cache);
        cache.onChange((key, change) => this.#onMemberObjectChange(link, row, key, change));
        // Before the first list nothing is known to be missing there; with it, everything of this kind can be decided.
        void cache.synced.then(() => {
          for (const key of this.#sources.keys({ row })) queue.add(key, { priority: 'low' });
          this.#wakeHeld(link, row);
        });
        cache.onState((state) => {
          if (cache.hasSynced || state.kind !== 'stale') return;
          for (const key of this.#sources.keys({ row })) queue.add(key, { priority: 'low' });
        });
        running.push(cache.run(signal));
      }
      running.push(
        runController({
          name: `member/${member.name}`,
          queue,
          concurrency: memberConcurrency,
          reconcile: (key) => this.#reconcileInMember(link, client, key, signal),
          logger: logger.child({ member: member.name }),
          signal,
          ...withMetrics,
        }),
      );
    }
    for (const key of this.#sources.keys()) this.#hostQueue.add(key, { priority: 'low' });
  }

  #dropLink(member: Member): void {
    if (this.#links.get(member.name)?.member !== member) return;
    this.#links.delete(member.name);
    for (const key of this.#sources.keys()) this.#hostQueue.add(key, { priority: 'low' });
  }

  // ---- the host: finalizer, fan-out, end of a deletion ----

  async #reconcileOnHost(key: ObjectKey): Promise<RunOutcome> {
    const { record, shadowed } = this.#sources.find(key);
    if (shadowed) this.#addStatus(key, statusDebounceMs);
    if (!record) {
      this.#wakeMembers(key, undefined);
      return { again: 'on-change' };
    }
    if (shadowed?.deleting && shadowed.hasFinalizer) await this.#setFinalizer(shadowed, false);
    const decision = this.#decide(record);
    if (record.deleting) return this.#finishDeletion(key, record, decision);
    if (decision.ignored) {
      this.#addStatus(key, statusDebounceMs);
      return { again: 'on-change' };
    }
    if (!record.hasFinalizer) await this.#setFinalizer(record, true);
    this.#wakeMembers(key, decision);
    this.#addStatus(key, statusDebounceMs);
    return { again: 'on-change' };
  }

  #wakeMembers(key: ObjectKey, decision: Decision | undefined): void {
    const { kindId } = parseObjectKey(key);
    const cacheKey = keyOf(targetRef(key));
    for (const link of this.#links.values()) {
      const isSelected = decision?.selected.has(link.member.name) ?? false;
      const holds = link.caches.get(kindId)?.get(cacheKey) !== undefined;
      if (isSelected || holds || link.outcomes.has(key)) link.queue.add(key);
    }
  }

  async #finishDeletion(key: ObjectKey, record: FederatedRecord, decision: Decision): Promise<RunOutcome> {
    if (!record.hasFinalizer) return { again: 'on-change' };
    const { kindId } = parseObjectKey(key);
    const cacheKey = keyOf(targetRef(key));
    const concerned = new Set([
      ...decision.selected,
      ...(record.status?.clusters ?? []).map(({ name }) => name),
    ]);
    const pending: string[] = [];
    for (const link of this.#links.values()) {
      const cache = link.caches.get(kindId);
      const holds = cache?.get(cacheKey) !== undefined;
      // A member that can't be asked may hold it, if it ever was to.
      const unsure =
        concerned.has(link.member.name) &&
        !(isReady(link.member) && (cache?.state.kind === 'live' || isUnserved(cache?.state)));
      if (holds || unsure || isBeingRemoved(link.outcomes.get(key))) pending.push(link.member.name);
      if (holds) link.queue.add(key);
    }
    if (pending.length > 0) {
      this.#addStatus(key, countsDebounceMs);
      return { again: 'after', afterMs: removalRecheckMs };
    }
    await this.#setFinalizer(record, false);
    this.#statusSince.delete(key);
    for (const { outcomes } of this.#links.values()) outcomes.delete(key);
    return { again: 'on-change' };
  }

  async #setFinalizer(record: FederatedRecord, wanted: boolean): Promise<void> {
    const others = record.finalizers.filter((name) => name !== syncFinalizer && name !== legacySyncFinalizer);
    const cache = this.#sources.cacheOf(record);
    const took = cache.beforeWrite(keyOf(record));
    try {
      const answer = await this.#options.host.patch(
        record.source,
        record,
        {
          // The version makes sure that no finalizer of someone else is lost; the uid, that it is this object.
          metadata: {
            uid: record.uid,
            resourceVersion: record.resourceVersion,
            finalizers: wanted ? [...others, syncFinalizer] : others,
          },
        },
        { type: 'merge', signal: this.#signal },
      );
      if (wanted) took(answer);
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return;
      throw error;
    }
  }

  // ---- one object in one member ----

  async #reconcileInMember(
    link: Link,
    client: ApiClient,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<RunOutcome> {
    if (!this.#started) return { again: 'after', afterMs: 100 };
    const { member } = link;
    // What it owes is known from the lists; it is woken when the member is ready again.
    if (!isReady(member)) return { again: 'on-change' };
    const { row, kindId } = parseObjectKey(key);
    const cache = link.caches.get(kindId);
    if (!cache) return { again: 'on-change' };
    const { record } = this.#sources.find(key);
    if (!cache.hasSynced) {
      if (record && cache.state.kind === 'stale' && this.#decide(record).selected.has(member.name)) {
        this.#note(link, key, unreadable(member.name, row, cache.state));
      }
      return { again: 'on-change' };
    }
    const pin = record ? await this.#pinOf(record, member, signal) : undefined;
    // Reading an old revision takes a moment, and the pins may be others by then.
    if (this.#sources.find(key).record !== record) return { again: 'after', afterMs: 0 };
    const ref = targetRef(key);
    const observed = cache.get(keyOf(ref));
    const intent = intentFor({
      record,
      decision: record ? this.#decide(record) : undefined,
      member: member.view,
      members: this.#options.members.views(),
      observed,
      isTrustworthy: this.#sources.isTrustworthy(row),
      pin,
    });
    const step = stepFor(intent, observed, this.#knownOf(link, key, record));
    if (step.kind === 'refuse') {
      this.#note(link, key, { kind: 'failed', status: step.status, message: step.message });
      // A revision that is restored wakes nobody.
      return step.status === 'RevisionNotFound'
        ? { again: 'after', afterMs: removalRecheckMs }
        : { again: 'on-change' };
    }
    if (step.kind === 'await-rollout') {
      this.#note(link, key, { kind: 'waiting', status: 'WaitingForRollout', message: step.message });
      return { again: 'on-change' };
    }
    if (step.kind === 'none') {
      if (step.version) this.#note(link, key, { kind: 'in-place', version: step.version });
      else if (intent.kind !== 'held') this.#drop(link, key);
      return { again: 'on-change' };
    }
    const deleteOptions =
      record?.deleteOptions && 'value' in record.deleteOptions ? record.deleteOptions.value : undefined;
    if (step.kind === 'delete' && (await this.#isHostsOwn(row, step.uid, ref.name))) {
      return this.#settle(
        link,
        key,
        await carryOut(
          { kind: 'release', uid: step.uid },
          { ...this.#site(link, client, cache, row, key, signal), deleteOptions },
        ),
        '',
      );
    }
    const result = await carryOut(step, {
      ...this.#site(link, client, cache, row, key, signal),
      deleteOptions,
    });
    return this.#settle(link, key, result, 'hash' in step ? step.hash : '');
  }

  /** What a rollout says of this member; old contents are read from the host, and only those that are needed. */
  async #pinOf(record: FederatedRecord, member: Member, signal: AbortSignal): Promise<Pin | undefined> {
    const { pins, spec, namespace, row } = record;
    if (!pins || pins === 'unreadable' || record.deleting || !spec.ok || !row.target.namespaced)
      return undefined;
    if (!this.#decide(record).selected.has(member.name)) return undefined;
    const current = this.#currentRevisions.get(record) ?? currentRevision(spec.hub);
    this.#currentRevisions.set(record, current);
    const { content, ...pin } = pinWithoutContent(pins, member.name, current);
    if (content) return { ...pin, content };
    const old = await this.#revisions.contentOf({ namespace, ...pin }, signal);
    return { ...pin, content: old ?? 'missing' };
  }

  #site(
    link: Link,
    client: ApiClient,
    cache: Cache<MemberRecord>,
    row: FederatedKind,
    key: ObjectKey,
    signal: AbortSignal,
  ) {
    return {
      member: link.member.name,
      client,
      cache,
      type: row.target,
      ref: targetRef(key),
      metadataOnly: row.metadataOnly,
      adopt: this.#options.adopt ?? true,
      signal,
    };
  }

  /** The host may be a member too: its own namespaces are let go, never deleted. */
  async #isHostsOwn(row: FederatedKind, uid: string, name: string): Promise<boolean> {
    if (row.target.plural !== 'namespaces') return false;
    try {
      const own = await this.#options.host.get(
        row.target,
        { name },
        { metadataOnly: true, signal: this.#signal },
      );
      return own.metadata.uid === uid;
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return false;
      throw error;
    }
  }

  #settle(link: Link, key: ObjectKey, result: Result, hash: string): RunOutcome {
    switch (result.kind) {
      case 'nothing':
        return { again: 'on-change' };
      case 'in-place':
        if (result.wrote) this.#rush.note(this.#options.clock.monotonic());
        this.#note(link, key, { kind: 'in-place', version: versionOf(hash, result.fields) });
        return { again: 'on-change' };
      case 'gone':
        this.#drop(link, key);
        return { again: 'on-change' };
      case 'removing':
        this.#rush.note(this.#options.clock.monotonic());
        this.#note(link, key, {
          kind: 'waiting',
          status: 'WaitingForRemoval',
          message: `deletion was asked for; ${link.member.name} has not finished it yet`,
        });
        return { again: 'after', afterMs: removalRecheckMs };
      case 'missing-namespace':
        this.#note(link, key, { kind: 'failed', status: 'NamespaceMissing', message: result.message });
        // Woken when the namespace comes, if it is one of ours; else by looking again.
        return { again: 'after', afterMs: removalRecheckMs };
      case 'failed': {
        this.#note(link, key, { kind: 'failed', status: result.status, message: result.message });
        throw new HansaError(result.message, { reason: result.status, retry: result.retry });
      }
    }
  }

  #note(link: Link, key: ObjectKey, next: OutcomeKind): void {
    const old = link.outcomes.get(key);
    const outcome = since(next, old ?? this.#fromStatus(link, key), this.#options.clock.now());
    link.outcomes.set(key, outcome);
    if (old && sameOutcome(old, outcome)) return;
    // Most removals are over within milliseconds, and then there is nothing to tell.
    const isWhole = !isBeingRemoved(outcome) && this.#isComplete(key);
    this.#addStatus(key, isWhole ? statusDebounceMs : countsDebounceMs);
    if (outcome.kind === 'failed' && (old?.kind !== 'failed' || old.status !== outcome.status)) {
      this.#tellOf(key, outcome.status, `${link.member.name}: ${outcome.message}`);
    }
  }

  #drop(link: Link, key: ObjectKey): void {
    const { record } = this.#sources.find(key);
    const had = link.outcomes.delete(key);
    const listed = record?.status?.clusters?.some(({ name }) => name === link.member.name) ?? false;
    if (!record || (!had && !listed)) return;
    if (record.deleting) this.#hostQueue.add(key);
    else this.#addStatus(key, statusDebounceMs);
  }

  /** Each selected member has an outcome, so the status can be told in one write. */
  #isComplete(key: ObjectKey): boolean {
    const { record } = this.#sources.find(key);
    if (!record) return true;
    for (const name of this.#decide(record).selected) {
      const link = this.#links.get(name);
      if (link && isReady(link.member) && !link.outcomes.has(key)) return false;
    }
    return true;
  }

  #knownOf(link: Link, key: ObjectKey, record: FederatedRecord | undefined): Known | undefined {
    const outcome = link.outcomes.get(key);
    if (outcome?.kind === 'in-place') return { version: outcome.version, firsthand: true };
    const version = statusEntry(record, link.member.name)?.version;
    return version ? { version, firsthand: false } : undefined;
  }

  /** A restart keeps since when a state holds: it is in the status. */
  #fromStatus(link: Link, key: ObjectKey): Outcome | undefined {
    const entry = statusEntry(this.#sources.find(key).record, link.member.name);
    if (!entry?.lastTransitionTime) return undefined;
    const sinceMs = Date.parse(entry.lastTransitionTime);
    return entry.status === undefined
      ? { kind: 'in-place', version: entry.version ?? '', sinceMs }
      : { kind: 'failed', status: entry.status, message: '', sinceMs };
  }

  // ---- status ----

  async #reconcileStatus(key: ObjectKey): Promise<RunOutcome> {
    const { record, shadowed } = this.#sources.find(key);
    if (!record) {
      this.#statusSince.delete(key);
      return { again: 'on-change' };
    }
    if (this.#mayWait(key, record)) return { again: 'after', afterMs: this.#statusPauseMs() };
    this.#statusSince.delete(key);
    await this.#writeStatus(record, this.#statusFor(key, record));
    if (shadowed && !shadowed.deleting)
      await this.#writeStatus(shadowed, shadowedStatus(shadowed, record, this.#options.clock.now()));
    return { again: 'on-change' };
  }

  /** Spread out, so that the calm after a rush doesn't bring them all at once. */
  #statusPauseMs(): number {
    const { clock, rng } = this.#options;
    return this.#rush.isOn(clock.monotonic()) ? rushRetryMs * (0.5 + 0.5 * rng()) : statusRetryMs;
  }

  /** Members come first: while many writes to them wait, a status that is young enough gives way. */
  #mayWait(key: ObjectKey, record: FederatedRecord): boolean {
    const waitedMs =
      this.#options.clock.monotonic() - (this.#statusSince.get(key) ?? Number.NEGATIVE_INFINITY);
    if (waitedMs > statusPatienceMs) return false;
    // After a start, nothing is known of a member until its first probe; its objects are not in trouble for that.
    const { selected } = this.#decide(record);
    for (const { member } of this.#links.values()) {
      if (selected.has(member.name) && member.health.kind === 'unknown') return true;
    }
    if (waitedMs < countsDebounceMs && !this.#isComplete(key)) return true;
    if (this.#rush.isOn(this.#options.clock.monotonic())) return true;
    let depth = this.#hostQueue.readyCount;
    for (const { queue, member } of this.#links.values()) if (isReady(member)) depth += queue.readyCount;
    return depth > busyDepth;
  }

  #statusFor(key: ObjectKey, record: FederatedRecord): FederatedStatus {
    const { clock } = this.#options;
    const { kindId, row } = parseObjectKey(key);
    const cacheKey = keyOf(targetRef(key));
    const decision = this.#decide(record);
    const nowMs = clock.now();
    const lines: MemberLine[] = [];
    for (const link of this.#links.values()) {
      const { member } = link;
      const observed = link.caches.get(kindId)?.get(cacheKey);
      // What a predecessor found still holds if nothing has changed since; else nothing is known yet.
      const selected = decision.selected.has(member.name) && !record.deleting;
      const isCurrent = selected && record.status?.observedGeneration === record.generation;
      const outcome =
        link.outcomes.get(key) ?? (isCurrent || !isReady(member) ? this.#fromStatus(link, key) : undefined);
      lines.push({
        name: member.name,
        selected,
        ready: readinessOf(member, nowMs),
        outcome,
        ...(row.hasReplicas && observed
          ? { replicas: observed.replicas ?? 0, readyReplicas: observed.readyReplicas ?? 0 }
          : {}),
      });
    }
    return statusOf({
      generation: record.generation,
      before: record.status,
      trouble: decision.trouble,
      lines,
      notes: record.deleting ? [] : decision.notes,
      hasReplicas: row.hasReplicas,
      deleting: record.deleting,
      nowMs,
    });
  }

  async #writeStatus(record: FederatedRecord, status: FederatedStatus): Promise<void> {
    if (sameStatus(record.status, status)) return;
    const cache = this.#sources.cacheOf(record);
    const took = cache.beforeWrite(keyOf(record));
    try {
      took(
        await this.#options.host.patch(
          record.source,
          record,
          JSON.parse(JSON.stringify({ metadata: { uid: record.uid }, status })),
          { type: 'merge', subresource: 'status', signal: this.#signal },
        ),
      );
    } catch (error) {
      // Gone, or another object of that name: its own run tells of it.
      if (error instanceof HansaError && ['NotFound', 'Conflict'].includes(error.reason)) return;
      throw error;
    }
  }

  #tellOf(key: ObjectKey, reason: string, note: string): void {
    const { record } = this.#sources.find(key);
    if (!record) return;
    const { source, namespace, name, uid } = record;
    this.#options.tell?.(
      { apiVersion: `${source.group}/${source.version}`, kind: source.kind, namespace, name, uid },
      { type: 'Warning', reason, action: 'Propagate', note },
    );
  }

  #decide(record: FederatedRecord): Decision {
    const input = {
      record,
      namespaceRecord: this.#sources.namespaceOf(record.namespace),
      namespacesAreTrustworthy: this.#sources.isTrustworthy(federatedKinds[0]),
      members: this.#options.members.views(),
      hansaNamespace: this.#options.namespace,
      awaits: this.#rollouts.awaitedBy(record),
    };
    const known = this.#decisions.get(record);
    if (
      known &&
      known.input.namespaceRecord === input.namespaceRecord &&
      known.input.namespacesAreTrustworthy === input.namespacesAreTrustworthy &&
      known.input.members === input.members &&
      known.input.awaits === input.awaits
    ) {
      return known.decision;
    }
    const decision = decide(input);
    this.#decisions.set(record, { input, decision });
    return decision;
  }
}

/** Writes to members within a short while: above this, more are likely to come, and statuses can wait for the calm. */
const rushWrites = 40;
const rushWindowMs = 400;

/** Tells whether members are being written to in numbers, even if each write is done as soon as it is asked for. */
class Rush {
  #windowStart = Number.NEGATIVE_INFINITY;
  #count = 0;
  #until = Number.NEGATIVE_INFINITY;

  note(nowMs: number): void {
    if (nowMs - this.#windowStart > rushWindowMs) {
      this.#windowStart = nowMs;
      this.#count = 0;
    }
    if (++this.#count >= rushWrites) this.#until = nowMs + rushWindowMs;
  }

  isOn(nowMs: number): boolean {
    return nowMs < this.#until;
  }
}

interface MemberChange {
  readonly old: MemberRecord | undefined;
  readonly next: MemberRecord | undefined;
  readonly initial: boolean;
}

function sameButCounts(old: MemberRecord, next: MemberRecord): boolean {
  return (
    old.uid === next.uid &&
    old.deleting === next.deleting &&
    old.fields === next.fields &&
    old.steered === next.steered &&
    old.replicasOwnedByOthers === next.replicasOwnedByOthers &&
    (!next.replicasOwnedByOthers || old.replicas === next.replicas)
  );
}

function sameOutcome(a: Outcome, b: Outcome): boolean {
  return (
    a.kind === b.kind &&
    (a.kind === 'in-place' ? a.version : `${a.status} ${a.message}`) ===
      (b.kind === 'in-place' ? b.version : `${b.status} ${b.message}`)
  );
}

function statusEntry(record: FederatedRecord | undefined, memberName: string): MemberStatus | undefined {
  return record?.status?.clusters?.find(({ name }) => name === memberName);
}

function readinessOf(member: Member, nowMs: number): MemberLine['ready'] {
  if (isReady(member)) return { ok: true };
  const { kind, message, sinceMs } = member.health;
  return {
    ok: false,
    message: kind === 'unknown' ? 'the cluster was not probed yet' : message || `the cluster is ${kind}`,
    sinceMs: sinceMs || nowMs,
  };
}

/** A member that doesn't have the kind can't hold an object of it. */
function isUnserved(state: CacheState | undefined): boolean {
  return state?.kind === 'stale' && state.reason === 'KindNotServed';
}

function unreadable(
  member: string,
  row: FederatedKind,
  state: { readonly reason: string; readonly message: string },
) {
  const isAbsent = state.reason === 'KindNotServed';
  return {
    kind: 'failed' as const,
    status: isAbsent ? 'KindNotServed' : 'CachedRetrievalFailed',
    message: isAbsent
      ? `${member} does not serve ${row.target.plural}.${row.target.version}${row.target.group ? `.${row.target.group}` : ''}`
      : state.message,
  };
}

function shadowedStatus(shadowed: FederatedRecord, winner: FederatedRecord, nowMs: number): FederatedStatus {
  return statusOf({
    generation: shadowed.generation,
    before: shadowed.status,
    trouble: {
      reason: 'InvalidName',
      message: `${winner.source.plural}.${winner.source.group} "${keyOf(winner)}" is older and already propagates this name; delete one of the two`,
    },
    lines: [],
    notes: [],
    hasReplicas: false,
    deleting: shadowed.deleting,
    nowMs,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
