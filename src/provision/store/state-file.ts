import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Clock, HansaError, type JsonObject, messageOf } from '../../base/index.ts';
import type { JournalRecord } from '../plan/journal.ts';
import { boundJournal } from './bound-journal.ts';
import { type FileLock, takeFileLock } from './file-lock.ts';
import { checkNewPassphrase } from './passphrase.ts';
import { newSeal, openSeal, type Seal } from './seal.ts';
import {
  type ClusterContent,
  type ClusterKey,
  emptyCluster,
  emptyState,
  keyText,
  parseKey,
  parseState,
  printState,
  type Schema,
  type StateContent,
  stateSchema,
} from './state-content.ts';
import { removeLeftovers, writeDurably } from './write-durably.ts';

export interface StateFileOptions {
  readonly path: string;
  /** Asked for only when a secret is read or written. */
  readonly passphrase: () => Promise<string>;
  readonly clock: Clock;
  /** Operations of each cluster whose journal is kept whole. */
  readonly keptOperations?: number;
  readonly schema?: Schema;
}

/** Enough to see what led to where a cluster is, and small enough to be written with every step. */
const keptOperationsDefault = 20;
/** A write takes milliseconds; whoever needs longer is stuck, or on a very slow disk. */
const writeWaitMs = 30_000;

export interface StoredCluster extends ClusterKey {
  readonly objects: readonly JsonObject[];
  readonly journal: readonly JournalRecord[];
  readonly secretNames: readonly string[];
  readonly movedTo: string | undefined;
}

/** A cluster with everything that is known of it, secrets in the clear: for a move to another home. */
export interface WholeCluster extends ClusterKey {
  readonly objects: readonly JsonObject[];
  readonly journal: readonly JournalRecord[];
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * The one file in which an operator's clusters are kept: objects and journal in plain, secrets sealed.
 *
 * *Guarantees*: each change is there whole or not at all, also after a kill or a power cut, and durable when its promise
 * resolves; processes change the file one after the other, so none undoes what another wrote.
 * *Caveats*: two processes may both work on one cluster unless they hold its lock (`lockCluster`).
 */
export class StateFile {
  readonly #options: StateFileOptions;
  #path: string | undefined;
  #seal: Seal | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: StateFileOptions) {
    this.#options = options;
  }

  /** Reads only; without a passphrase. No file is the same as an empty one. */
  async clusters(): Promise<readonly StoredCluster[]> {
    const { clusters } = await this.#read();
    return Object.entries(clusters).map(([key, content]) => stored(parseKey(key), content));
  }

  async cluster(key: ClusterKey): Promise<StoredCluster | undefined> {
    const content = (await this.#read()).clusters[keyText(key)];
    return content && stored(key, content);
  }

  /**
   * Keeps objects of a cluster in place of those that are there; a new cluster begins with it.
   * @throws HansaError StateMoved
   */
  async putObjects(key: ClusterKey, objects: readonly JsonObject[]): Promise<void> {
    await this.changeCluster(key, (cluster) => ({ ...cluster, objects }));
  }

  /** Forgets a cluster with its journal and secrets. */
  async remove(key: ClusterKey): Promise<void> {
    await this.#change((state) => {
      const { [keyText(key)]: gone, ...clusters } = state.clusters;
      return gone ? { ...state, clusters } : state;
    });
  }

  /** Says that clusters are kept elsewhere from now on, all at once: they can only be read here. */
  async markMoved(keys: readonly ClusterKey[], to: string): Promise<void> {
    await this.#change((state) =>
      keys.reduce((next, key) => withCluster(next, key, (cluster) => ({ ...cluster, movedTo: to })), state),
    );
  }

  /** They are kept here again. */
  async markReturned(keys: readonly ClusterKey[]): Promise<void> {
    await this.#change((state) =>
      keys.reduce((next, key) => withCluster(next, key, ({ movedTo: _, ...cluster }) => cluster), state),
    );
  }

  /** @throws HansaError WrongPassphrase, NoPassphrase, NotFound */
  async exportCluster(key: ClusterKey): Promise<WholeCluster> {
    const state = await this.#read();
    const content = state.clusters[keyText(key)];
    if (!content) throw notStored(key, this.#options.path);
    const names = Object.keys(content.secrets);
    const secrets = await Promise.all(
      names.map(async (name) => [name, (await this.#open(state, key, name)) ?? {}]),
    );
    return {
      ...key,
      objects: content.objects,
      journal: content.journal,
      secrets: Object.fromEntries(secrets),
    };
  }

  /** Takes a whole cluster in, in one write; what was kept under its name goes. */
  async importCluster(cluster: WholeCluster): Promise<void> {
    const seal = await this.#ensureSeal();
    const secrets = Object.fromEntries(
      Object.entries(cluster.secrets).map(([name, values]) => [
        name,
        seal.close(JSON.stringify(values), labelOf(cluster, name)),
      ]),
    );
    const { objects, journal } = cluster;
    await this.#change((state) => {
      assertSealedWith(seal, state);
      return withCluster(state, cluster, () => ({ objects, journal, secrets }));
    });
  }

  async readSecret(key: ClusterKey, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    return this.#open(await this.#read(), key, name);
  }

  async writeSecret(
    key: ClusterKey,
    name: string,
    values: Readonly<Record<string, string>>,
    held?: FileLock,
  ): Promise<void> {
    const seal = await this.#ensureSeal();
    const sealed = seal.close(JSON.stringify(values), labelOf(key, name));
    await this.#change((state) => {
      assertSealedWith(seal, state);
      return withCluster(state, key, (cluster) => {
        assertHere(key, cluster);
        return { ...cluster, secrets: { ...cluster.secrets, [name]: sealed } };
      });
    }, held);
  }

  async removeSecret(key: ClusterKey, name: string, held?: FileLock): Promise<void> {
    await this.changeCluster(
      key,
      (cluster) => {
        const { [name]: gone, ...secrets } = cluster.secrets;
        return gone === undefined ? cluster : { ...cluster, secrets };
      },
      held,
    );
  }

  async append(key: ClusterKey, record: JournalRecord, held?: FileLock): Promise<void> {
    const { keptOperations = keptOperationsDefault } = this.#options;
    await this.changeCluster(
      key,
      (cluster) => ({ ...cluster, journal: boundJournal([...cluster.journal, record], keptOperations) }),
      held,
    );
  }

  /** Seals everything with another passphrase, in one write. */
  async reseal(passphrase: string): Promise<void> {
    checkNewPassphrase(passphrase);
    const old = await this.#ensureSeal();
    const seal = await newSeal(passphrase);
    await this.#change((state) => {
      assertSealedWith(old, state);
      const clusters = Object.entries(state.clusters).map(([text, cluster]) => [
        text,
        resealed(text, cluster, old, seal),
      ]);
      return {
        ...state,
        seal: seal.head,
        clusters: Object.fromEntries(clusters) as Record<string, ClusterContent>,
      };
    });
    this.#seal = seal;
  }

  /**
   * One change of one cluster at a time, for as long as it takes. Others may still read.
   * @throws HansaError Locked, with the owner and its age; StateMoved
   */
  async lockCluster(key: ClusterKey, owner: string, signal: AbortSignal): Promise<FileLock> {
    const path = await this.#place();
    const lock = await takeFileLock(`${path}.${key.namespace}.${key.name}.lock`, {
      owner,
      what: `cluster ${keyText(key)}`,
      waitMs: 0,
      clock: this.#options.clock,
      signal,
    });
    try {
      const cluster = (await this.#read()).clusters[keyText(key)];
      if (cluster) assertHere(key, cluster);
      return lock;
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Changes what is kept of one cluster. With a lock given, only if it is still held.
   * @throws HansaError StateMoved, LockLost
   */
  async changeCluster(
    key: ClusterKey,
    change: (cluster: ClusterContent) => ClusterContent,
    held?: FileLock,
  ): Promise<void> {
    await this.#change(
      (state) =>
        withCluster(state, key, (cluster) => {
          assertHere(key, cluster);
          return change(cluster);
        }),
      held,
    );
  }

  /** One after the other in this process, then one after the other among processes. */
  async #change(change: (state: StateContent) => StateContent, held?: FileLock): Promise<void> {
    const turn = this.#queue.then(() => this.#changeNow(change, held));
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  async #changeNow(change: (state: StateContent) => StateContent, held: FileLock | undefined): Promise<void> {
    const path = await this.#place();
    await using _ = await takeFileLock(`${path}.lock`, {
      owner: 'a writer',
      what: `state file ${this.#options.path}`,
      waitMs: writeWaitMs,
      clock: this.#options.clock,
    });
    // Behind the write lock: whoever took the cluster over has not written yet, or is noticed here.
    await held?.assertHeld();
    const text = await this.#text();
    const before = this.#parse(text);
    const after = change(before.content);
    if (after === before.content) return;
    await removeLeftovers(path, this.#options.clock.now());
    const { current } = this.#schema();
    if (text !== undefined && before.writtenIn !== current) {
      // An older Hansa can still be gone back to.
      await writeFile(`${path}.schema-${before.writtenIn}.bak`, text, { mode: 0o600 });
    }
    await writeDurably(path, printState({ ...after, schemaVersion: current }));
  }

  async #read(): Promise<StateContent> {
    return this.#parse(await this.#text()).content;
  }

  #parse(text: string | undefined) {
    const schema = this.#schema();
    return text === undefined
      ? { content: { ...emptyState(), schemaVersion: schema.current }, writtenIn: schema.current }
      : parseState(text, this.#options.path, schema);
  }

  async #text(): Promise<string | undefined> {
    try {
      return await readFile(await this.#place(), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new HansaError(`the state file ${this.#options.path} can’t be read: ${messageOf(error)}`, {
        reason: 'Unreadable',
        retry: 'never',
        cause: error,
      });
    }
  }

  /** Through links: a rename would else put a file in the place of the link. */
  async #place(): Promise<string> {
    if (this.#path !== undefined) return this.#path;
    const path = resolve(this.#options.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = await realpath(path).catch(() => path);
    return this.#path;
  }

  async #open(
    state: StateContent,
    key: ClusterKey,
    name: string,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    const sealed = state.clusters[keyText(key)]?.secrets[name];
    if (sealed === undefined || !state.seal) return undefined;
    const seal = await this.#sealFor(state.seal);
    return JSON.parse(seal.open(sealed, labelOf(key, name))) as Readonly<Record<string, string>>;
  }

  /** Of another process's making if there is one; the first one's salt is everybody's. */
  async #ensureSeal(): Promise<Seal> {
    const { seal } = await this.#read();
    if (seal) return this.#sealFor(seal);
    const passphrase = await this.#options.passphrase();
    checkNewPassphrase(passphrase);
    const made = await newSeal(passphrase);
    await this.#change((state) => (state.seal ? state : { ...state, seal: made.head }));
    const { seal: head } = await this.#read();
    return this.#sealFor(head ?? made.head);
  }

  async #sealFor(head: NonNullable<StateContent['seal']>): Promise<Seal> {
    if (this.#seal?.head.check === head.check) return this.#seal;
    this.#seal = await openSeal(await this.#options.passphrase(), head);
    return this.#seal;
  }

  #schema(): Schema {
    return this.#options.schema ?? stateSchema;
  }
}

function withCluster(
  state: StateContent,
  key: ClusterKey,
  change: (cluster: ClusterContent) => ClusterContent,
): StateContent {
  const text = keyText(key);
  const before = state.clusters[text] ?? emptyCluster;
  const after = change(before);
  return after === before ? state : { ...state, clusters: { ...state.clusters, [text]: after } };
}

function resealed(text: string, cluster: ClusterContent, old: Seal, seal: Seal): ClusterContent {
  const key = parseKey(text);
  const secrets = Object.entries(cluster.secrets).map(([name, sealed]) => {
    const label = labelOf(key, name);
    return [name, seal.close(old.open(sealed, label), label)];
  });
  return { ...cluster, secrets: Object.fromEntries(secrets) as Record<string, string> };
}

/** Sealed with the secret, so that nobody can put one in another's place. */
function labelOf(key: ClusterKey, name: string): string {
  return `${keyText(key)}/${name}`;
}

function stored(key: ClusterKey, { objects, journal, secrets, movedTo }: ClusterContent): StoredCluster {
  return { ...key, objects, journal, secretNames: Object.keys(secrets), movedTo };
}

function assertHere(key: ClusterKey, { movedTo }: ClusterContent): void {
  if (movedTo === undefined) return;
  throw new HansaError(
    `cluster ${keyText(key)} was moved to ${movedTo} and can only be read here: change it there, or bring it back with "hansa pivot"`,
    { reason: 'StateMoved', retry: 'never' },
  );
}

/** Between sealing and writing, somebody may have given the file another passphrase. */
function assertSealedWith({ head }: Seal, { seal }: StateContent): void {
  if (seal?.check === head.check) return;
  throw new HansaError('the passphrase of the state file was changed at this moment: run the command again', {
    reason: 'Conflict',
    retry: 'never',
  });
}

function notStored(key: ClusterKey, path: string): HansaError {
  return new HansaError(
    `there is no cluster ${keyText(key)} in ${path}: "hansa cluster status" lists what there is`,
    {
      reason: 'NotFound',
      retry: 'never',
    },
  );
}
