import {
  kubeClusterAddress,
  type KubeClusterStatus,
} from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import {
  type KubeOperationStatus,
  kubeOperationAddress,
} from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import {
  automaticLabel,
  clusterLabel,
  provisionGroup,
} from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import {
  type Clock,
  HansaError,
  hashOf,
  type Json,
  type Logger,
  messageOf,
  type Rng,
} from '../../base/index.ts';
import type { ApiClient, KubeObject } from '../../kube/index.ts';
import type { ClusterStore } from '../engine/executor.ts';
import type { JournalRecord } from '../plan/journal.ts';
import { boundJournal } from './bound-journal.ts';
import { crSecretStore } from './cr-secret-store.ts';
import { takeLeaseLock } from './lease-lock.ts';
import type { ClusterKey } from './state-content.ts';

export interface CrClusterStoreOptions {
  readonly client: ApiClient;
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Operations whose journal is kept whole; older ones that Hansa made itself are removed. */
  readonly keptOperations?: number;
  /** Of the Lease; shorter in tests. */
  readonly lease?: {
    readonly leaseDurationMs: number;
    readonly renewDeadlineMs: number;
    readonly retryPeriodMs: number;
  };
}

export interface CrClusterStore extends ClusterStore {
  /** What the KubeOperation of a run shows beside its journal: phase, message, plan. No write if it shows that already. */
  tell(operation: string, status: Omit<KubeOperationStatus, 'journal' | 'sequence'>): Promise<void>;
  /** Status of the KubeCluster; fields not named stay. No write if it is so already. */
  tellCluster(status: KubeClusterStatus): Promise<void>;
}

type Operation = KubeObject & { readonly status?: KubeOperationStatus };

const statusPatch = { type: 'merge', subresource: 'status' } as const;

const keptOperationsDefault = 20;
/** Somebody's `approved: true` may come in between; more than a few such are a second writer. */
const conflictsMost = 4;

/**
 * Journal, lock and secrets of a cluster on the host: each run of the engine is a KubeOperation with its journal in the
 * status, the lock is a Lease, secrets are Secrets.
 *
 * *Guarantees*: `append` resolves only when the API server has stored the record behind all others of its operation, and
 * rejects in every other case, also when a second writer got in between or the lock was lost.
 * *Assumes*: one operation of a cluster at a time, which the lock sees to.
 */
export function crClusterStore(options: CrClusterStoreOptions): CrClusterStore {
  return new CrStore(options);
}

class CrStore implements CrClusterStore {
  readonly secrets: ClusterStore['secrets'];
  readonly #options: CrClusterStoreOptions;
  /** As the server last gave them, by operation. */
  readonly #operations = new Map<string, Operation>();
  /** Sent, and no answer came: may or may not be stored. */
  #unanswered: JournalRecord | undefined;
  #held: { readonly lost: AbortSignal } | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: CrClusterStoreOptions) {
    this.#options = options;
    this.secrets = crSecretStore({
      client: options.client,
      key: options.key,
      assertHeld: () => this.#assertHeld(),
    });
  }

  async journal(): Promise<readonly JournalRecord[]> {
    return recordsOf(await this.#list());
  }

  /** One after the other: the order in the journal is that of the calls. */
  append(record: JournalRecord): Promise<void> {
    const turn = this.#queue.then(() => this.#append(record));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  tell(operation: string, status: Omit<KubeOperationStatus, 'journal' | 'sequence'>): Promise<void> {
    const turn = this.#queue.then(() => this.#tell(operation, status));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async tellCluster(status: KubeClusterStatus): Promise<void> {
    this.#assertHeld();
    const { client, key } = this.#options;
    const cluster = await client.get<KubeObject & { status?: KubeClusterStatus }>(kubeClusterAddress, key);
    if (shows(cluster.status, status)) return;
    await client.patch(kubeClusterAddress, key, { status: status as Json }, statusPatch);
  }

  async lock(owner: string, signal: AbortSignal): Promise<AsyncDisposable & { readonly lost: AbortSignal }> {
    const { client, key, clock, rng, logger, lease } = this.#options;
    const lock = await takeLeaseLock({ client, key, owner, signal, clock, rng, logger, ...lease });
    this.#held = lock;
    // What was read before belongs to a time in which others may have written.
    this.#operations.clear();
    return {
      lost: lock.lost,
      [Symbol.asyncDispose]: async () => {
        if (this.#held === lock) this.#held = undefined;
        await lock[Symbol.asyncDispose]();
      },
    };
  }

  async #append(record: JournalRecord): Promise<void> {
    this.#assertHeld();
    let operation = await this.#beginFor(record);
    for (let attempt = 1; ; attempt += 1) {
      this.#assertHeld();
      try {
        await this.#store(operation, record);
        this.#unanswered = undefined;
        return;
      } catch (error) {
        const isConflict = error instanceof HansaError && error.reason === 'Conflict';
        if (!isConflict) this.#unanswered = record;
        if (!isConflict || attempt === conflictsMost) throw notStored(record, error);
        operation = await this.#readAgain(operation, record);
      }
    }
  }

  async #tell(name: string, status: Omit<KubeOperationStatus, 'journal' | 'sequence'>): Promise<void> {
    this.#assertHeld();
    const operation = this.#operations.get(name) ?? (await this.#begin(name));
    if (shows(operation.status, status)) return;
    // Fields of our own that nobody else writes, so there is nothing to be overtaken in; the journal notices by itself.
    await this.#options.client.patch(
      kubeOperationAddress,
      refOf(operation),
      { status: status as Json },
      statusPatch,
    );
    const told = await this.#get(operation.metadata.name);
    if (told && sameJournal(told, operation)) this.#operations.set(name, told);
  }

  async #beginFor(record: JournalRecord): Promise<Operation> {
    try {
      return this.#operations.get(record.operation) ?? (await this.#begin(record.operation));
    } catch (error) {
      throw notStored(record, error);
    }
  }

  async #store(operation: Operation, record: JournalRecord): Promise<void> {
    const { metadata, status } = operation;
    const stored = await this.#options.client.patch<Operation>(
      kubeOperationAddress,
      refOf(operation),
      {
        // The write fails if anything of the object changed since it was read.
        metadata: { resourceVersion: metadata.resourceVersion },
        status: {
          phase: status?.phase ?? 'Running',
          startedAt: status?.startedAt ?? record.at,
          journal: [...(status?.journal ?? []), toStored(record)] as unknown as Json,
        },
      },
      statusPatch,
    );
    this.#operations.set(record.operation, stored);
  }

  /** After a conflict: fine if others changed other things, not if they wrote into the journal. */
  async #readAgain(before: Operation, record: JournalRecord): Promise<Operation> {
    const now = await this.#get(before.metadata.name);
    if (!now) throw notStored(record, new Error(`KubeOperation ${before.metadata.name} was deleted`));
    const known = (before.status?.journal ?? []).map((each) => hashOf(each));
    const found = (now.status?.journal ?? []).map((each) => hashOf(each));
    const more = found.slice(known.length);
    const unanswered = this.#unanswered && hashOf(toStored(this.#unanswered));
    const isOurs =
      known.every((each, index) => each === found[index]) && more.every((each) => each === unanswered);
    if (!isOurs) throw notStored(record, new Error('somebody else wrote into the journal'));
    this.#operations.set(record.operation, now);
    return now;
  }

  /** The KubeOperation of a run: one that a person made and the run is for, or one of its own. */
  async #begin(operation: string): Promise<Operation> {
    const all = await this.#list();
    const { key } = this.#options;
    const names = [operation, ownName(key.name, operation)];
    const found = all.find(({ metadata }) => names.includes(metadata.name));
    const begun = found ?? (await this.#create(ownName(key.name, operation)));
    const sequence =
      begun.status?.sequence ?? Math.max(0, ...all.map(({ status }) => status?.sequence ?? 0)) + 1;
    const numbered = begun.status?.sequence === undefined ? await this.#number(begun, sequence) : begun;
    this.#operations.set(operation, numbered);
    await this.#prune(all.filter(({ metadata }) => metadata.name !== begun.metadata.name));
    return numbered;
  }

  #create(name: string): Promise<Operation> {
    const { client, key } = this.#options;
    return client.create<Operation>(kubeOperationAddress, {
      apiVersion: `${provisionGroup}/v1alpha1`,
      kind: kubeOperationAddress.kind,
      metadata: {
        name,
        namespace: key.namespace,
        labels: { [clusterLabel]: key.name, [automaticLabel]: 'true' },
      },
      spec: { clusterName: key.name, type: 'Apply' },
    });
  }

  #number(operation: Operation, sequence: number): Promise<Operation> {
    const { metadata } = operation;
    return this.#options.client.patch<Operation>(
      kubeOperationAddress,
      refOf(operation),
      { metadata: { resourceVersion: metadata.resourceVersion }, status: { sequence } },
      statusPatch,
    );
  }

  /** A journal that stays longer than it must is no reason to stop a step. */
  async #prune(older: readonly Operation[]): Promise<void> {
    const { keptOperations = keptOperationsDefault, logger, key } = this.#options;
    const kept = new Set(boundJournal(recordsOf(older), Math.max(1, keptOperations - 1)));
    const changes = older
      .map((operation) => ({
        operation,
        records: operation.status?.journal ?? [],
        left: (operation.status?.journal ?? []).filter((record) => kept.has(record as JournalRecord)),
      }))
      .filter(({ records, left }) => left.length < records.length);
    try {
      // Open intents first, so that no moment shows an intent as open that a later operation closed.
      for (const { operation, left } of changes.filter((each) => each.left.length > 0)) {
        await this.#options.client.patch(
          kubeOperationAddress,
          refOf(operation),
          {
            metadata: { resourceVersion: operation.metadata.resourceVersion },
            status: { journal: left as unknown as Json },
          },
          statusPatch,
        );
      }
      for (const { operation, left } of changes) {
        if (left.length === 0) await this.#forget(operation);
      }
    } catch (error) {
      logger.warn('old operations not removed', { ...key, error: messageOf(error) });
    }
  }

  /** What people made stays, without its journal. */
  async #forget(operation: Operation): Promise<void> {
    const { client } = this.#options;
    const { labels, uid, resourceVersion } = operation.metadata;
    if (labels?.[automaticLabel] === 'true') {
      await client.remove(kubeOperationAddress, refOf(operation), {
        body: { preconditions: { uid, resourceVersion } },
      });
      return;
    }
    await client.patch(
      kubeOperationAddress,
      refOf(operation),
      { metadata: { resourceVersion }, status: { journal: null } },
      statusPatch,
    );
  }

  /** Those of this cluster, the oldest first. */
  async #list(): Promise<readonly Operation[]> {
    const { client, key } = this.#options;
    const all: Operation[] = [];
    for await (const { items } of client.list<Operation>(kubeOperationAddress, {
      namespace: key.namespace,
    })) {
      // People's operations carry no label, so the spec tells whose they are.
      all.push(...items.filter(({ spec }) => (spec as { clusterName?: string }).clusterName === key.name));
    }
    return all.toSorted((a, b) => (a.status?.sequence ?? Infinity) - (b.status?.sequence ?? Infinity));
  }

  async #get(name: string): Promise<Operation | undefined> {
    const { client, key } = this.#options;
    try {
      return await client.get<Operation>(kubeOperationAddress, { namespace: key.namespace, name });
    } catch (error) {
      if (error instanceof HansaError && error.reason === 'NotFound') return undefined;
      throw error;
    }
  }

  #assertHeld(): void {
    if (!this.#held?.lost.aborted) return;
    throw new HansaError(
      `the lock on cluster ${this.#options.key.namespace}/${this.#options.key.name} was lost: another Hansa may be at work on it`,
      { reason: 'LockLost', cause: this.#held.lost.reason },
    );
  }
}

function recordsOf(operations: readonly Operation[]): readonly JournalRecord[] {
  return operations.flatMap(({ status }) => (status?.journal ?? []) as readonly JournalRecord[]);
}

/** Whether a status says all of this already. */
function shows(status: object | undefined, wanted: object): boolean {
  const now = (status ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([field, value]) => hashOf(now[field]) === hashOf(value));
}

function sameJournal(a: Operation, b: Operation): boolean {
  return hashOf(a.status?.journal) === hashOf(b.status?.journal);
}

/** Without fields that are undefined, so that it is equal to what comes back. */
function toStored(record: JournalRecord): unknown {
  return JSON.parse(JSON.stringify(record)) as unknown;
}

/** Ids of runs are ours, but people may name theirs as they like: what is no name becomes one. */
function ownName(cluster: string, operation: string): string {
  const name = `${cluster}-${operation}`;
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)
    ? name
    : `${cluster}-${hashOf(operation)}`;
}

function refOf({ metadata }: Operation) {
  return { namespace: metadata.namespace, name: metadata.name };
}

function notStored({ step, event }: JournalRecord, cause: unknown): HansaError {
  return new HansaError(
    `the journal did not take "${event}" of step ${step}, so nothing was done: ${messageOf(cause)}`,
    {
      reason: cause instanceof HansaError ? cause.reason : 'JournalConflict',
      retry: cause instanceof HansaError ? cause.retry : 'backoff',
      cause,
    },
  );
}
