import { HansaError, type Logger } from '../../base/index.ts';
import { keyOf } from '../../kube/index.ts';
import type { Members } from '../../members/index.ts';
import {
  type LeavingStep,
  planLeaving,
  planRestore,
  type RestoreStep,
  type Successor,
  successorOf,
} from '../plan/shipper-door/plan-removal.ts';
import { anchorName, releaseFinalizer, removeNowAnnotation } from '../plan/shipper-door/words.ts';
import type { HostStore } from './host-store.ts';
import type { MemberSite } from './member-site.ts';
import {
  observeCapacity,
  observeInstallation,
  observeTraffic,
  podsOf,
  podsWithTraffic,
  type Sight,
} from './observe.ts';
import { applicationKeyOf, type AnyRecord, isLeaving, keyOfRecord, type ReleaseRecord } from './records.ts';
import { clustersOf, historyOf } from './release-facts.ts';
import { type TargetsOf, targetsOf } from './release-targets.ts';
import type { Renderings } from './renderings.ts';
import { subjectOf, type Tell } from './tell.ts';

export interface LeaveDeps {
  readonly store: HostStore;
  readonly sight: Sight;
  readonly members: Members;
  readonly sites: ReadonlyMap<string, MemberSite>;
  readonly renderings: Renderings;
  readonly tell: Tell;
  readonly logger: Logger;
}

/** What a Release that is being deleted needs next. */
export interface Leave {
  readonly successor: Successor<ReleaseRecord>;
  /** Of the one that comes back, by cluster. */
  readonly restore: ReadonlyMap<string, RestoreStep>;
  /** Of the one that goes, by cluster. */
  readonly steps: ReadonlyMap<string, LeavingStep>;
}

/** Tells what comes next; looks only. */
export function planLeave({ store, sight, members, sites }: LeaveDeps, release: ReleaseRecord): Leave {
  const key = keyOfRecord(release);
  const applicationKey = applicationKeyOf(release) ?? '';
  const application = store.get('application', applicationKey);
  const targets = partsOf(store, key);
  const clusters = new Set([
    ...(clustersOf(release) ?? []),
    ...(targets.installation?.spec.clusters ?? []),
    ...[...sites.values()].filter((site) => hasObjects(site, key)).map(({ name }) => name),
  ]);
  const staying =
    application && !isLeaving(application)
      ? store.of('release', applicationKey).filter((each) => !isLeaving(each))
      : [];
  const served = new Map(
    [...clusters].map((cluster) => [cluster, withTraffic(sites.get(cluster), applicationKey, release)]),
  );
  const successor: Successor<ReleaseRecord> =
    release.metadata.annotations?.[removeNowAnnotation] === 'true'
      ? { kind: 'nobody-waits' }
      : successorFor(
          release,
          staying,
          [...served.values()].some((count) => count > 0),
        );
  const restore =
    successor.kind === 'restore'
      ? restoreSteps(sight, store, successor.release)
      : new Map<string, RestoreStep>();
  // Who is not there to be asked must not hold up the others.
  const isWhole = [...restore].every(
    ([cluster, step]) => step.kind === 'whole' || sight.site(cluster).kind !== 'site',
  );
  const isReplacedIn = (cluster: string): boolean => {
    switch (successor.kind) {
      case 'nobody-waits':
        return true;
      case 'hold':
        return false;
      case 'restore':
        return restore.has(cluster) ? restore.get(cluster)?.kind === 'whole' : restore.size > 0 && isWhole;
    }
  };
  const steps = new Map<string, LeavingStep>();
  for (const cluster of clusters) {
    const site = sites.get(cluster);
    const seen = sight.site(cluster);
    steps.set(
      cluster,
      planLeaving({
        cluster,
        member: !members.get(cluster) ? 'left' : seen.kind === 'site' ? 'reachable' : 'unreachable',
        hasObjects: site === undefined || hasObjects(site, key),
        percent: targets.capacity?.spec.clusters.find(({ name }) => name === cluster)?.percent,
        weight: targets.traffic?.spec.clusters.find(({ name }) => name === cluster)?.weight,
        podsWithTraffic: served.get(cluster) ?? 0,
        pods: site
          ? podsOf(site, applicationKey, release.metadata.name).filter((pod) => !pod.isLeaving).length
          : 0,
        isReplaced: isReplacedIn(cluster),
      }),
    );
  }
  return { successor, restore, steps };
}

/**
 * Goes one step further with the removal of a Release: the one before it comes back in the order objects, pods,
 * traffic; then this one loses traffic, pods, objects; each cluster for itself. Gives what is waited for.
 * @throws HansaError those of the API
 */
export async function leave(
  deps: LeaveDeps,
  release: ReleaseRecord,
  signal: AbortSignal,
): Promise<{ readonly isGone: boolean; readonly message: string }> {
  const { store, sites, renderings, tell } = deps;
  if (!release.metadata.finalizers?.includes(releaseFinalizer)) return { isGone: true, message: '' };
  const key = keyOfRecord(release);
  const plan = planLeave(deps, release);
  if (plan.successor.kind === 'restore') {
    const targets = targetsOf(store, plan.successor.release);
    if (targets) await carryOutRestore(deps, plan, plan.successor.release, targets, release, signal);
  }
  await lower(store, key, plan.steps, signal);
  for (const [cluster, step] of plan.steps) {
    if (step.kind === 'remove-objects') sites.get(cluster)?.add('objects', key);
  }
  if ([...plan.steps.values()].some(({ kind }) => kind !== 'gone')) {
    return { isGone: false, message: messageFor(plan) };
  }
  const { installation, capacity, traffic } = partsOf(store, key);
  if (installation) await store.remove('installation', installation, signal);
  if (capacity) await store.remove('capacity', capacity, signal);
  if (traffic) await store.remove('traffic', traffic, signal);
  const finalizers = release.metadata.finalizers.filter((name) => name !== releaseFinalizer);
  try {
    await store.patch(
      'release',
      release,
      [{ op: 'replace', path: '/metadata/finalizers', value: finalizers }],
      signal,
    );
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'NotFound') throw error;
  }
  renderings.forget(release.metadata.uid);
  tell(subjectOf(release as AnyRecord), {
    type: 'Normal',
    reason: 'ReleaseRemoved',
    action: 'Remove',
    note: `all that "${key}" had in its clusters is gone`,
  });
  return { isGone: true, message: '' };
}

/** Somebody else is coming back or going down at the moment: the strategy of the others waits for that. */
export function isMoving({ successor, steps }: Leave): boolean {
  return (
    successor.kind === 'restore' &&
    [...steps.values()].some(
      (step) =>
        !['gone', 'remove-objects'].includes(step.kind) && !(step.kind === 'wait' && step.for === 'member'),
    )
  );
}

function successorFor(
  release: ReleaseRecord,
  staying: readonly ReleaseRecord[],
  serves: boolean,
): Successor<ReleaseRecord> {
  const byName = new Map(staying.map((each) => [each.metadata.name, each]));
  const found = successorOf({ ...historyOf(release), serves }, staying.map(historyOf));
  if (found.kind !== 'restore') return found;
  const back = byName.get(found.release.name);
  return back ? { kind: 'restore', release: back } : { kind: 'nobody-waits' };
}

function restoreSteps(sight: Sight, store: HostStore, release: ReleaseRecord): Map<string, RestoreStep> {
  const targets = targetsOf(store, release);
  const wanted = wantedOf(release);
  const steps = new Map<string, RestoreStep>();
  for (const cluster of targets?.installation.spec.clusters ?? clustersOf(release) ?? []) {
    const share = targets?.capacity.spec.clusters.find(({ name }) => name === cluster);
    const own = targets?.traffic.spec.clusters.find(({ name }) => name === cluster);
    if (!targets || !share || !own) {
      steps.set(cluster, { kind: 'wait', for: 'installation' });
      continue;
    }
    const capacity = observeCapacity(sight, targets.capacity, share);
    const traffic = observeTraffic(sight, targets.traffic, cluster);
    steps.set(
      cluster,
      planRestore({
        cluster,
        percent: share.percent,
        weight: own.weight,
        wantedPercent: wanted.percent,
        wantedWeight: wanted.weight,
        isInstalled: observeInstallation(sight, targets.installation, cluster).kind === 'ready',
        hasCapacity: !('kind' in capacity) && capacity.state.kind === 'ready',
        hasTraffic: !('kind' in traffic) && traffic.state.kind === 'ready',
      }),
    );
  }
  return steps;
}

/** What it had when it was complete. */
function wantedOf({ spec }: ReleaseRecord): { readonly percent: number; readonly weight: number } {
  const last = spec.environment.strategy.steps.at(-1);
  return { percent: last?.capacity.contender ?? 100, weight: last?.traffic.contender ?? 100 };
}

async function carryOutRestore(
  { store, tell }: LeaveDeps,
  { restore }: Leave,
  back: ReleaseRecord,
  { capacity, traffic }: TargetsOf,
  leaving: ReleaseRecord,
  signal: AbortSignal,
): Promise<void> {
  const wanted = wantedOf(back);
  const raises = (cluster: string, kind: RestoreStep['kind']) => restore.get(cluster)?.kind === kind;
  if (capacity.spec.clusters.some(({ name }) => raises(name, 'raise-capacity'))) {
    const value = capacity.spec.clusters.map((share) =>
      raises(share.name, 'raise-capacity') ? { ...share, percent: wanted.percent } : share,
    );
    await store.patch('capacity', capacity, [{ op: 'replace', path: '/spec/clusters', value }], signal);
    tell(subjectOf(back as AnyRecord), {
      type: 'Normal',
      reason: 'StrategyApplied',
      action: 'Restore',
      note: `"${back.metadata.name}" gets its capacity back, as "${leaving.metadata.name}" is being deleted`,
    });
  }
  if (traffic.spec.clusters.some(({ name }) => raises(name, 'raise-traffic'))) {
    const value = traffic.spec.clusters.map((own) =>
      raises(own.name, 'raise-traffic') ? { ...own, weight: wanted.weight } : own,
    );
    await store.patch('traffic', traffic, [{ op: 'replace', path: '/spec/clusters', value }], signal);
  }
}

async function lower(
  store: HostStore,
  key: string,
  steps: Leave['steps'],
  signal: AbortSignal,
): Promise<void> {
  const { capacity, traffic } = partsOf(store, key);
  const is = (cluster: string, kind: LeavingStep['kind']) => steps.get(cluster)?.kind === kind;
  if (traffic?.spec.clusters.some(({ name }) => is(name, 'lower-traffic'))) {
    const value = traffic.spec.clusters.map((own) =>
      is(own.name, 'lower-traffic') ? { ...own, weight: 0 } : own,
    );
    await store.patch('traffic', traffic, [{ op: 'replace', path: '/spec/clusters', value }], signal);
  }
  if (capacity?.spec.clusters.some(({ name }) => is(name, 'lower-capacity'))) {
    const value = capacity.spec.clusters.map((share) =>
      is(share.name, 'lower-capacity') ? { ...share, percent: 0 } : share,
    );
    await store.patch('capacity', capacity, [{ op: 'replace', path: '/spec/clusters', value }], signal);
  }
}

function partsOf(store: HostStore, key: string) {
  return {
    installation: store.get('installation', key),
    capacity: store.get('capacity', key),
    traffic: store.get('traffic', key),
  };
}

/** Its anchor says so, or somebody is just at work on it. */
function hasObjects(site: MemberSite, key: string): boolean {
  const slash = key.indexOf('/');
  const namespace = key.slice(0, slash);
  const name = anchorName(key.slice(slash + 1));
  return (
    !site.hasSynced || site.working.has(key) || site.anchors.get(keyOf({ namespace, name })) !== undefined
  );
}

function withTraffic(site: MemberSite | undefined, applicationKey: string, release: ReleaseRecord): number {
  if (!site) return 0;
  const served = podsWithTraffic(site, applicationKey);
  return podsOf(site, applicationKey, release.metadata.name).filter(({ name }) => served.has(name)).length;
}

function messageFor({ successor, restore, steps }: Leave): string {
  const waits = [...steps]
    .filter(([, { kind }]) => kind !== 'gone')
    .map(([cluster, step]) => `${cluster}: ${inWords(step)}`);
  const back = [...restore]
    .filter(([, { kind }]) => kind !== 'whole')
    .map(([cluster, step]) => `${cluster}: ${inWords(step)}`);
  const what = `its objects are being taken away [${waits.join('; ')}]`;
  switch (successor.kind) {
    case 'nobody-waits':
      return what;
    case 'hold':
      return `it serves until "${successor.until}" is complete; to take it away now, annotate it with ${removeNowAnnotation}=true`;
    case 'restore':
      return back.length === 0
        ? what
        : `"${successor.release.metadata.name}" is put back first [${back.join('; ')}]; to take this Release away without that, annotate it with ${removeNowAnnotation}=true`;
  }
}

function inWords(step: LeavingStep | RestoreStep): string {
  return step.kind === 'wait' ? `waits for ${step.for}` : step.kind;
}
