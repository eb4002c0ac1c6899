import { rolloutBlock } from '../../api/shipper.booking.com/v1alpha1/rollout-block.ts';
import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { rolloutFinalizer } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import { Cache, type Cached, KeyedQueue, keyOf, type Outcome, runController } from '../../kube/index.ts';
import type { Block } from '../plan/controller/index.ts';
import { type FederatedEntry, FederatedObjects } from './federated-objects.ts';
import { GateDesk } from './gate-desk.ts';
import { MemberCalls } from './member-calls.ts';
import { Decider } from './decider.ts';
import { Doer } from './doer.ts';
import { Leaver } from './leaver.ts';
import type { Memory } from './memory.ts';
import { SourceReader } from './source-reader.ts';
import { Teller } from './teller.ts';
import { noRolloutMetrics } from './metrics.ts';
import type { RolloutControllerOptions } from './options.ts';
import { PolicyRollouts } from './policy-rollouts.ts';
import { objectsIn } from './resolve-source.ts';
import { RevisionStore } from './revision-store.ts';
import { RolloutRounds } from './rounds.ts';
import { type RolloutRecord, rolloutRecord } from './rollout-record.ts';

interface BlockRecord extends Cached, Block {}

/** Rollouts that are worked on at once. */
const concurrency = 8;

/**
 * Takes rollouts through their clusters.
 *
 * *Flow*: a change on the host, a word of a person, an answer of a gate or the time wakes the key of a rollout; one round
 * of it observes its members, decides, writes the status, and then acts, with at most one deed a member.
 * *Guarantees*: the status and the pins are the memory, so that any process goes on in the middle of a step; revisions
 * are on record before a member is told of them; a member's trouble is its own.
 */
export class RolloutController {
  readonly #options: RolloutControllerOptions;
  readonly #queue: KeyedQueue;
  readonly #rollouts: Cache<RolloutRecord>;
  readonly #blocks: Cache<BlockRecord>;
  readonly #federated: FederatedObjects;
  readonly #revisions: RevisionStore;
  readonly #policies: PolicyRollouts;
  readonly #rounds: RolloutRounds;
  readonly #leaver: Leaver;
  readonly #memories = new Map<string, Memory>();
  #membersAreRead = false;

  constructor(options: RolloutControllerOptions) {
    this.#options = options;
    const { host: client, clock, rng, logger, kubeMetrics } = options;
    const common = { clock, rng, logger, ...(kubeMetrics ? { metrics: kubeMetrics } : {}) };
    this.#queue = new KeyedQueue({ ...common, name: 'rollouts', backoffMs: { first: 200, max: 60_000 } });
    this.#rollouts = new Cache<RolloutRecord>({
      ...common,
      client,
      name: 'host/rollouts',
      type: rolloutAddress,
      project: rolloutRecord,
      indices: {
        object: (record) => {
          const ref = record.spec.ok ? record.spec.value.source.federatedRef : undefined;
          return ref ? [`${ref.kind}|${keyOf({ namespace: record.namespace, name: ref.name })}`] : [];
        },
      },
    });
    this.#rollouts.onChange((key, change) => this.#onRolloutChange(key, change));
    this.#blocks = new Cache<BlockRecord>({
      ...common,
      client,
      name: 'host/rolloutblocks',
      type: rolloutBlock.address,
      project: ({ metadata, ...rest }) => ({
        resourceVersion: metadata.resourceVersion ?? '',
        namespace: metadata.namespace ?? '',
        name: metadata.name,
        message: (rest['spec'] as { readonly message?: string } | undefined)?.message,
      }),
    });
    this.#blocks.onChange(() => this.#wakeAll());
    this.#federated = new FederatedObjects({
      host: client,
      ...common,
      onChange: (change) => this.#onFederatedChange(change),
    });
    this.#revisions = new RevisionStore(client, common);
    this.#policies = new PolicyRollouts({
      host: client,
      rollouts: this.#rollouts,
      federated: this.#federated,
      ...common,
    });
    const modes = options.modes({
      olderObjects: async (rollout, signal) => {
        const contents = await Promise.all(
          this.#revisions
            .listOf(rollout)
            .filter(({ revision }) => revision !== rollout.contender.hash)
            .map(({ revision }) => this.#revisions.contentOf(rollout, revision, signal)),
        );
        return contents.flatMap(objectsIn);
      },
    });
    const { members } = options;
    const federated = this.#federated;
    const sources = new SourceReader({
      members,
      rollouts: this.#rollouts,
      federated,
      revisions: this.#revisions,
      renderHelm: options.renderHelm,
    });
    this.#leaver = new Leaver({ options, federated, sources, modes });
    this.#rounds = new RolloutRounds({
      options,
      federated,
      revisions: this.#revisions,
      sources,
      decider: new Decider({ options, blocks: this.#blocks, sources, modes }),
      doer: new Doer({ members, federated, sources, modes, clock, logger }),
      leaver: this.#leaver,
      teller: new Teller({ options, rollouts: this.#rollouts }),
    });
  }

  /** Rollouts whose round waits or runs; for tests that wait for calm. */
  get unsettled(): number {
    return this.#queue.readyCount + this.#queue.runningCount + this.#policies.unsettled;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { members, logger, kubeMetrics } = this.#options;
    const all = () => this.#wakeAll();
    members.onMember({ added: all, changed: all, removed: all });
    // Not waited for below: a stop may come before the members were ever read.
    void members.synced().then(() => {
      this.#membersAreRead = true;
    });
    await Promise.all([
      this.#rollouts.run(signal),
      this.#blocks.run(signal),
      this.#revisions.run(signal),
      this.#federated.run(signal),
      this.#policies.run(signal),
      runController({
        name: 'rollouts',
        queue: this.#queue,
        concurrency,
        reconcile: (key) => this.#reconcile(key, signal),
        logger,
        signal,
        ...(kubeMetrics ? { metrics: kubeMetrics } : {}),
      }),
    ]);
    await Promise.all([...this.#memories.values()].map(({ desk }) => desk.settled()));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const record = this.#rollouts.get(key);
    if (!record) {
      this.#forget(key);
      return { again: 'on-change' };
    }
    const isRead =
      this.#membersAreRead && this.#rollouts.hasSynced && this.#revisions.isReady && isKnown(this.#blocks);
    if (!isRead) return { again: 'after', afterMs: 100 };
    const memory = this.#memoryOf(key, record);
    if (record.deleting) return this.#leaver.takeLeave(record, memory, signal);
    if (!record.hasFinalizer) {
      await this.#addFinalizer(record, signal);
      return { again: 'after', afterMs: 0 };
    }
    return this.#rounds.round(record, memory, signal);
  }

  async #addFinalizer(record: RolloutRecord, signal: AbortSignal): Promise<void> {
    const took = this.#rollouts.beforeWrite(keyOf(record));
    try {
      took(
        await this.#options.host.patch(
          rolloutAddress,
          record,
          {
            metadata: {
              uid: record.uid,
              resourceVersion: record.resourceVersion,
              finalizers: [...record.finalizers, rolloutFinalizer],
            },
          },
          { type: 'merge', signal },
        ),
      );
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
    }
  }

  #onRolloutChange(
    key: string,
    { old, next }: { readonly old: RolloutRecord | undefined; readonly next: RolloutRecord | undefined },
  ): void {
    const record = next ?? old;
    if (record?.spec.ok && record.spec.value.source.federatedRef) this.#federated.start();
    this.#policies.onRollout(old, next);
    // Our own status is no news; its effects come with the time that the round asked for.
    const isOwn =
      old &&
      next &&
      old.generation === next.generation &&
      old.deleting === next.deleting &&
      old.hasFinalizer === next.hasFinalizer;
    if (!isOwn) this.#queue.add(key);
  }

  #onFederatedChange({
    old,
    next,
  }: {
    readonly old: FederatedEntry | undefined;
    readonly next: FederatedEntry | undefined;
  }): void {
    const entry = next ?? old;
    if (!entry) return;
    this.#policies.onFederated(old, next);
    if (!entry.row.target.namespaced) {
      for (const [key, record] of this.#rollouts.entries()) {
        if (record.namespace === entry.namespace) this.#queue.add(key);
      }
      return;
    }
    for (const key of this.#rollouts.keysBy('object', `${entry.row.federatedKind}|${keyOf(entry)}`)) {
      // Counts of pods change all the time, and tell an idle rollout nothing.
      const phase = this.#rollouts.get(key)?.status?.phase;
      const isIdle = phase === 'Idle' || phase === 'Completed';
      if (!isIdle || !old || !next || !sameWish(old, next)) this.#queue.add(key);
    }
  }

  #wakeAll(): void {
    for (const [key] of this.#rollouts.entries()) this.#queue.add(key, { priority: 'low' });
  }

  #memoryOf(key: string, { uid }: RolloutRecord): Memory {
    const id = `${key}/${uid}`;
    const known = this.#memories.get(id);
    if (known) return known;
    const { clock, probes, logger } = this.#options;
    const memory: Memory = {
      calls: new MemberCalls(clock),
      desk: new GateDesk({ probes, clock, logger, onAnswer: () => this.#queue.add(key) }),
      finished: new Set(),
      armed: new Map(),
      stages: new Map(),
      leaving: new Set(),
    };
    this.#memories.set(id, memory);
    return memory;
  }

  #forget(key: string): void {
    for (const [id, { desk }] of this.#memories) {
      if (!id.startsWith(`${key}/`)) continue;
      desk.close();
      this.#memories.delete(id);
    }
    const slash = key.indexOf('/');
    (this.#options.metrics ?? noRolloutMetrics).onForgotten({
      namespace: key.slice(0, slash),
      name: key.slice(slash + 1),
    });
  }
}

function sameWish(old: FederatedEntry, next: FederatedEntry): boolean {
  return (
    old.uid === next.uid &&
    old.generation === next.generation &&
    old.deleting === next.deleting &&
    old.pinsText === next.pinsText
  );
}

/** Read, or known not to be served: without the kind there are no blocks. */
function isKnown({ hasSynced, state }: Cache<BlockRecord>): boolean {
  return hasSynced || (state.kind === 'stale' && state.reason === 'KindNotServed');
}
