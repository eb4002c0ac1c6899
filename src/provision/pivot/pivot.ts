import {
  type Clock,
  HansaError,
  hashOf,
  type Json,
  type Logger,
  type Progress,
  type Rng,
  silentProgress,
} from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import {
  type ClusterKey,
  type CrClusterStoreOptions,
  keyText,
  type StateFile,
  type WholeCluster,
} from '../store/index.ts';
import { type Concerns, concernsInFile, concernsOnHost } from './concerns.ts';
import { HostHome } from './host-home.ts';
import { decideToFile, decideToHost, type Decision, type HomeSight, markOf } from './marks.ts';
import { caOf, differences, openWorkIn } from './portable.ts';

export interface PivotOptions {
  readonly state: StateFile;
  /** What the state file is called, for those who find a mark: `state file … of anna@laptop`. */
  readonly filePlace: string;
  readonly host: ApiClient;
  readonly key: ClusterKey;
  /** Who works, such as `anna@laptop (pid 4711)`. */
  readonly owner: string;
  /** Looks at everything and changes nothing. */
  readonly dryRun?: boolean;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly progress?: Progress;
  readonly signal: AbortSignal;
  readonly lease?: CrClusterStoreOptions['lease'];
}

export interface PivotResult extends ClusterKey {
  /** `finished`: an earlier move had broken off at its very end. */
  readonly done: 'moved' | 'finished' | 'was-there' | 'nothing-dry-run';
  readonly to: string;
  readonly moved: { readonly objects: number; readonly secrets: number; readonly operations: number };
  readonly warnings: readonly string[];
}

/** A command that writes without the lock, such as one that keeps Secrets before it begins, writes once. */
const copiesMost = 3;

/**
 * Moves a cluster from the state file to a host.
 *
 * *Flow*: locks on both; a copy on the host under a KubeCluster that says that it is kept in the file; read back and
 * compared; then the file says that it is kept on the host, if nothing of it changed meanwhile; then the host's mark goes.
 * *Guarantees*: at no moment do both homes act on the cluster. Between the two last writes neither does, and a run of
 * this, or of the other direction, ends it. Before that, a move that broke off has changed nothing but an inactive copy,
 * and is run again.
 * @throws HansaError Locked, OperationOpen, NotFound, KeptTwice, KeptElsewhere, AnotherCluster, NotMovable, SecretTaken
 */
export async function pivotToHost(options: PivotOptions): Promise<PivotResult> {
  const home = homeOf(options);
  const decision = await decideWith(options, home, decideToHost);
  if (decision.kind === 'nothing') return result(options, 'was-there', home.place, undefined, []);
  if (decision.kind === 'finish') return finishOnHost(options, home);
  return moveToHost(options, home);
}

/**
 * Moves a cluster from a host to the state file.
 *
 * *Flow*: the lock on the host; all of it is read once to see that it can be; the file says that it is kept on the host;
 * then the host says that it is kept in the file; then all of it is read again and put into the file, in one write that
 * also takes the file's mark away.
 * *Guarantees*: as those of `pivotToHost`.
 */
export async function pivotToFile(options: PivotOptions): Promise<PivotResult> {
  const home = homeOf(options);
  const decision = await decideWith(options, home, decideToFile);
  if (decision.kind === 'nothing') return result(options, 'was-there', options.filePlace, undefined, []);
  return moveToFile(options, home, decision.kind);
}

/**
 * Takes the state file's own copy as it was when the cluster moved away, for a host that is lost for good. Whoever says
 * so must know it: with the host alive, two would work on one cluster.
 */
export async function takeBackFromLostHost({
  state,
  key,
  filePlace,
}: Pick<PivotOptions, 'state' | 'key' | 'filePlace'>): Promise<PivotResult> {
  const stored = await state.cluster(key);
  if (!stored || stored.objects.length === 0) {
    throw new HansaError(`the state file has no copy of cluster ${key.namespace}/${key.name}`, {
      reason: 'NotFound',
      retry: 'never',
    });
  }
  const done = stored.movedTo === undefined ? 'was-there' : 'moved';
  if (done === 'moved') await state.markReturned([key]);
  return {
    ...key,
    done,
    to: filePlace,
    moved: { objects: stored.objects.length, secrets: stored.secretNames.length, operations: 0 },
    warnings: [
      `what was changed while it was kept in ${stored.movedTo ?? 'another place'} is not known here: plan before you apply`,
    ],
  };
}

async function moveToHost(options: PivotOptions, home: HostHome): Promise<PivotResult> {
  const { state, key, owner, dryRun = false, signal } = options;
  await using fileLock = await state.lockCluster(key, owner, signal);
  let source = await readSource(options);
  refuseOpen(source.whole, key);
  const concerns = concernsOnHost(source.whole);
  refuseObstacles(concerns, key);
  if (dryRun) return result(options, 'nothing-dry-run', home.place, source.whole, concerns.warnings);
  await home.ensureNamespace();
  await using lease = await home.store.lock(owner, signal);
  // Somebody may have come first, between the look and the lock.
  await decideWith(options, home, decideToHost);
  const mark = newMarks(options, home);
  for (let attempt = 1; ; attempt += 1) {
    const { whole } = source;
    await during(options, 'Copy objects, Secrets and journal', () => home.copy(whole, mark.onHost));
    await during(options, 'Read them back', () => verifyHost(home, whole));
    lease.lost.throwIfAborted();
    if (await markFile(options, source.print, mark.inFile, fileLock)) break;
    if (attempt === copiesMost) throw keepsChanging(key);
    source = await readSource(options);
    refuseOpen(source.whole, key);
  }
  await during(options, 'Hand over to the host', () => home.unmark());
  return result(options, 'moved', home.place, source.whole, concerns.warnings);
}

async function finishOnHost(options: PivotOptions, home: HostHome): Promise<PivotResult> {
  const { owner, dryRun = false, signal } = options;
  if (dryRun) return result(options, 'nothing-dry-run', home.place, undefined, []);
  await using _ = await home.store.lock(owner, signal);
  const decision = await decideWith(options, home, decideToHost);
  if (decision.kind === 'finish') await during(options, 'Hand over to the host', () => home.unmark());
  return result(options, 'finished', home.place, undefined, []);
}

async function moveToFile(
  options: PivotOptions,
  home: HostHome,
  kind: 'move' | 'finish',
): Promise<PivotResult> {
  const { state, key, owner, filePlace, dryRun = false, signal } = options;
  const seen = await during(options, 'Read the cluster from the host', () => home.read());
  const concerns = concernsInFile(seen);
  refuseObstacles(concerns, key);
  await refuseUnfinished(home, seen, key);
  if (dryRun) return result(options, 'nothing-dry-run', filePlace, seen, concerns.warnings);
  await checkPassphrase(options);
  await using lease = await home.store.lock(owner, signal);
  // Behind the lock nobody works on it any more; what was seen before may be over.
  const decision = await decideWith(options, home, decideToFile);
  if (decision.kind === 'nothing') return result(options, 'was-there', filePlace, undefined, []);
  await refuseUnfinished(home, await home.read(), key);
  if (decision.kind === 'move') {
    const mark = newMarks(options, home);
    await state.markMoved([key], mark.inFile);
    lease.lost.throwIfAborted();
    await during(options, 'Stop work from the host', () => home.mark(mark.onHost));
  }
  const whole = await home.read();
  lease.lost.throwIfAborted();
  await during(options, 'Put it into the state file', () => state.importCluster(whole));
  const wrong = differences(whole, await state.exportCluster(key));
  if (wrong.length > 0) throw notKept(wrong);
  return result(options, kind === 'finish' ? 'finished' : 'moved', filePlace, whole, concerns.warnings);
}

interface Source {
  readonly whole: WholeCluster;
  /** Of what the file holds, sealed as it is. */
  readonly print: string;
}

/** The print first: a change between the two makes it an old one, and is noticed. */
async function readSource({ state, key }: PivotOptions): Promise<Source> {
  let print = '';
  await state.changeCluster(key, (cluster) => {
    print = hashOf(cluster as unknown as Json);
    return cluster;
  });
  return { whole: await state.exportCluster(key), print };
}

/** False: something was changed since it was read, and nothing is marked. */
async function markFile(
  { state, key }: PivotOptions,
  print: string,
  mark: string,
  lock: Awaited<ReturnType<StateFile['lockCluster']>>,
): Promise<boolean> {
  let isMarked = false;
  await state.changeCluster(
    key,
    (cluster) => {
      isMarked = hashOf(cluster as unknown as Json) === print;
      return isMarked ? { ...cluster, movedTo: mark } : cluster;
    },
    lock,
  );
  return isMarked;
}

async function verifyHost(home: HostHome, whole: WholeCluster): Promise<void> {
  const wrong = differences(whole, await home.read(Object.keys(whole.secrets)));
  if (wrong.length > 0) throw notTheSame(wrong);
}

async function decideWith(
  options: PivotOptions,
  home: HostHome,
  decide: (homes: { key: ClusterKey; file: HomeSight; host: HomeSight }) => Decision,
): Promise<Exclude<Decision, { kind: 'refuse' }>> {
  const { key } = options;
  const [file, host] = [await fileSight(options), await home.sight()];
  const decision = decide({ key, file, host });
  if (decision.kind !== 'refuse') return decision;
  throw new HansaError(decision.message, { reason: decision.reason, retry: 'never' });
}

async function fileSight({ state, key }: PivotOptions): Promise<HomeSight> {
  const stored = await state.cluster(key);
  if (!stored) return { kind: 'absent' };
  const { objects, movedTo } = stored;
  // A cluster of which nothing was applied is nothing that could be moved, or be in the way.
  if (movedTo === undefined && objects.length === 0) return { kind: 'absent' };
  const name = `${key.name}-ca`;
  const ca = stored.secretNames.includes(name)
    ? caOf({ name: key.name, secrets: { [name]: (await state.readSecret(key, name)) ?? {} } })
    : undefined;
  return movedTo === undefined ? { kind: 'active', ca } : { kind: 'marked', movedTo, ca };
}

function homeOf({ host, key, clock, rng, logger, signal, lease }: PivotOptions): HostHome {
  return new HostHome({ client: host, key, clock, rng, logger, signal, ...(lease ? { lease } : {}) });
}

/** The same token in both, by which the two ends of a move are known. */
function newMarks({ rng, filePlace }: PivotOptions, home: HostHome) {
  const token = Array.from({ length: 12 }, () => Math.floor(rng() * 16).toString(16)).join('');
  return { onHost: markOf(filePlace, token), inFile: markOf(home.place, token) };
}

/**
 * Before anything is marked: a wrong passphrase would be told between two writes that belong together. A file without
 * any secret is given its seal here.
 */
async function checkPassphrase({ state, key }: PivotOptions): Promise<void> {
  const all = await state.clusters();
  const sealed = all.find(({ secretNames }) => secretNames.length > 0);
  const [name] = sealed?.secretNames ?? [];
  if (sealed && name !== undefined) {
    await state.readSecret(sealed, name);
    return;
  }
  const isMarked = all.some((each) => keyText(each) === keyText(key) && each.movedTo !== undefined);
  if (isMarked) return;
  await state.writeSecret(key, `${key.name}-pivot`, {});
  await state.removeSecret(key, `${key.name}-pivot`);
}

async function refuseUnfinished(home: HostHome, whole: WholeCluster, key: ClusterKey): Promise<void> {
  refuseOpen(whole, key);
  const leaving = await home.leavingMachines();
  if (leaving.length > 0) {
    throw new HansaError(
      `${leaving.join(', ')} of cluster ${key.namespace}/${key.name} is being taken out of it: wait until it has left`,
      { reason: 'OperationOpen', retry: 'never' },
    );
  }
  const waiting = await home.waitingOperations();
  if (waiting.length === 0) return;
  throw new HansaError(
    `KubeOperation ${waiting.join(', ')} of cluster ${key.namespace}/${key.name} has not come to its end, and a state file has none: wait for it, or delete it`,
    { reason: 'OperationOpen', retry: 'never' },
  );
}

function refuseOpen({ journal }: WholeCluster, { namespace, name }: ClusterKey): void {
  const open = openWorkIn(journal);
  if (open === undefined) return;
  throw new HansaError(
    `cluster ${namespace}/${name} is in the middle of something: ${open}. Let it come to its end where it is kept now (in a state file: "hansa cluster apply ${name}"), then move it`,
    { reason: 'OperationOpen', retry: 'never' },
  );
}

function refuseObstacles({ obstacles }: Concerns, { namespace, name }: ClusterKey): void {
  if (obstacles.length === 0) return;
  throw new HansaError(`cluster ${namespace}/${name} can't be moved as it is: ${obstacles.join('; ')}`, {
    reason: 'NotMovable',
    retry: 'never',
  });
}

function notTheSame(wrong: readonly string[]): HansaError {
  return new HansaError(
    `the host gives back something else than was written: ${wrong.join(', ')}. The cluster stays in the state file; look at admission rules and at who else writes there`,
    { reason: 'CopyDiffers', retry: 'never' },
  );
}

function notKept(wrong: readonly string[]): HansaError {
  return new HansaError(
    `the state file holds something else than the host gave: ${wrong.join(', ')}. It is where the cluster is kept now; the host still has its copy`,
    { reason: 'CopyDiffers', retry: 'never' },
  );
}

function keepsChanging({ namespace, name }: ClusterKey): HansaError {
  return new HansaError(
    `cluster ${namespace}/${name} was changed in the state file each time it had been copied: see who works on it, and run the command again`,
    { reason: 'Conflict', retry: 'never' },
  );
}

function result(
  { key }: PivotOptions,
  done: PivotResult['done'],
  to: string,
  whole: WholeCluster | undefined,
  warnings: readonly string[],
): PivotResult {
  return {
    ...key,
    done,
    to,
    moved: {
      objects: whole?.objects.length ?? 0,
      secrets: Object.keys(whole?.secrets ?? {}).length,
      operations: new Set(whole?.journal.map(({ operation }) => operation)).size,
    },
    warnings,
  };
}

async function during<T>(
  { progress = silentProgress }: PivotOptions,
  title: string,
  work: () => Promise<T>,
): Promise<T> {
  const step = progress.step(title);
  try {
    const value = await work();
    step.done();
    return value;
  } catch (error) {
    // Without words: whoever catches the error prints them.
    step.fail('');
    throw error;
  }
}
