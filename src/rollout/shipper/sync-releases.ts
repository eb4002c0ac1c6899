import type { ReleaseStatus } from '../../api/shipper.booking.com/v1alpha1/release.ts';
import { type Clock, HansaError, messageOf, stableJson } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';
import { setCondition, type ShipperCondition } from '../plan/shipper/index.ts';
import { releaseFinalizer, steppedBackCondition } from '../plan/shipper-door/words.ts';
import { verdictOn } from './blocks.ts';
import { stepStrategy, type StrategyResult } from './execute-strategy.ts';
import { isMoving, leave, type LeaveDeps, planLeave } from './leave-release.ts';
import { after, onChange } from './member-work.ts';
import type { ShipperMetrics } from './metrics.ts';
import { type AnyRecord, isLeaving, type ReleaseRecord } from './records.ts';
import { inOrder, isComplete } from './release-facts.ts';
import { scheduleRelease } from './schedule-release.ts';
import { subjectOf, tellTurns, timeOf } from './tell.ts';

export interface ReleaseDeps extends LeaveDeps {
  readonly clock: Clock;
  readonly metrics: ShipperMetrics;
  /** Has the Releases of its Application looked at again. */
  readonly wake: (release: ReleaseRecord) => void;
}

/** What is waited for brings an event as a rule; this is for what brings none. */
const waitCheckMs = 1_000;
const pendingCheckMs = 300;

/**
 * Takes all Releases of an Application one look further, so that no two of them are moved at cross purposes.
 *
 * *Flow*: those being deleted; then clusters, chart and targets of those that stay; then their strategies, newest first.
 * *Guarantees*: each look starts from what stands on the host and in the members, so that it may end anywhere and go on
 * in another process; what ails one Release does not stop the others.
 */
export async function syncReleases(
  deps: ReleaseDeps,
  application: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store } = deps;
  const all = inOrder(store.of('release', application));
  const failures: unknown[] = [];
  let next: Outcome = onChange;
  const wait = (outcome: Outcome) => {
    if (outcome.again === 'after' && (next.again !== 'after' || next.afterMs > outcome.afterMs))
      next = outcome;
  };

  for (const release of all.filter(isLeaving)) {
    await attempt(failures, async () => wait(await syncLeaving(deps, release, signal)));
  }
  const ready: ReleaseRecord[] = [];
  for (const release of all.filter((each) => !isLeaving(each))) {
    await attempt(failures, async () => {
      const scheduled = await syncSchedule(deps, release, signal);
      if (scheduled) ready.push(scheduled);
    });
  }
  const leaving = all.filter(isLeaving);
  if (leaving.some((release) => isMoving(planLeave(deps, release)))) {
    wait(after(waitCheckMs));
  } else {
    const staying = all.filter((each) => !isLeaving(each));
    const settled = new Set<string>();
    for (const release of ready.toReversed()) {
      await attempt(failures, async () =>
        wait(await syncStrategy(deps, release, { staying, leaving, settled }, signal)),
      );
    }
  }
  if (failures.length > 0) throw worst(failures);
  return next;
}

/** A failure that is tried again counts more than one that waits for a person. */
function worst(failures: readonly unknown[]): unknown {
  return failures.find((error) => !(error instanceof HansaError) || error.retry !== 'never') ?? failures[0];
}

async function attempt(failures: unknown[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}

async function syncLeaving(deps: ReleaseDeps, release: ReleaseRecord, signal: AbortSignal): Promise<Outcome> {
  const { store } = deps;
  const application = store.get(
    'application',
    `${release.metadata.namespace}/${release.metadata.labels?.['shipper-app']}`,
  );
  const blocked = blockedCondition(deps, release);
  // While the Application stays, a block holds up what is taken away, too.
  if (application && !isLeaving(application) && blocked.status === 'True') {
    await writeConditions(deps, release, [blocked], signal);
    return onChange;
  }
  const { isGone, message } = await leave(deps, release, signal);
  if (isGone) return onChange;
  await writeConditions(
    deps,
    store.get('release', keyOfRelease(release)) ?? release,
    [blocked, { type: 'Leaving', status: 'True', reason: 'Waiting', message }],
    signal,
  );
  return after(waitCheckMs);
}

/** Undefined if it cannot go on. */
async function syncSchedule(
  deps: ReleaseDeps,
  release: ReleaseRecord,
  signal: AbortSignal,
): Promise<ReleaseRecord | undefined> {
  const kept = await ensureFinalizer(deps, release, signal);
  const blocked = blockedCondition(deps, kept);
  if (blocked.status === 'True') {
    await writeConditions(deps, kept, [blocked], signal);
    return undefined;
  }
  try {
    const scheduled = await scheduleRelease(deps, kept, () => deps.wake(kept), signal);
    if (!scheduled) return undefined;
    return await writeConditions(deps, scheduled, [blocked, { type: 'Scheduled', status: 'True' }], signal);
  } catch (error) {
    const reason = error instanceof HansaError ? error.reason : '';
    if (signal.aborted || reason === 'Conflict' || reason === 'AlreadyExists') throw error;
    const current = deps.store.get('release', keyOfRelease(kept)) ?? kept;
    await writeConditions(
      deps,
      current,
      [
        blocked,
        { type: 'Scheduled', status: 'False', reason: scheduledReason(reason), message: messageOf(error) },
      ],
      signal,
    );
    throw error;
  }
}

const ownReasons = [
  'NoRegionsSpecified',
  'NotEnoughClustersInRegion',
  'NotEnoughCapableClustersInRegion',
  'DuplicateCapabilityRequirement',
  'ChartFetchFailure',
  'BrokenChartSpec',
  'WrongChartDeployments',
  'ChartRepoInternal',
  'NoCachedChartRepoIndex',
  'ChartVersionResolutionFailed',
];

function scheduledReason(reason: string): string {
  return ownReasons.includes(reason) ? reason : 'FailedAPICall';
}

interface Others {
  readonly staying: readonly ReleaseRecord[];
  readonly leaving: readonly ReleaseRecord[];
  /** Names of newer ones that were just seen to be where they shall be. */
  readonly settled: Set<string>;
}

async function syncStrategy(
  deps: ReleaseDeps,
  release: ReleaseRecord,
  { staying, leaving, settled }: Others,
  signal: AbortSignal,
): Promise<Outcome> {
  const index = staying.findIndex(({ metadata }) => metadata.name === release.metadata.name);
  const successor = staying[index + 1];
  // An incumbent that somebody deletes serves until the newest is complete.
  const before = inOrder([...staying.slice(0, index), ...leaving.filter((each) => servesOn(deps, each))]);
  const predecessor = successor ? undefined : before.findLast(isComplete);
  const now = timeOf(deps.clock);
  let result: StrategyResult;
  try {
    const isSuccessorSettled = successor !== undefined && settled.has(successor.metadata.name);
    const place = { release, predecessor, successor, isSuccessorSettled };
    result = await stepStrategy(deps, place, now, signal);
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'StrategyExecutionFailed') throw error;
    await writeConditions(
      deps,
      release,
      [{ type: 'StrategyExecuted', status: 'False', reason: error.reason, message: error.message }],
      signal,
    );
    throw error;
  }
  switch (result.kind) {
    case 'pending':
      return after(pendingCheckMs);
    case 'idle':
      await writeConditions(deps, release, [{ type: 'StrategyExecuted', status: 'True' }], signal);
      return onChange;
    case 'looked':
      if (result.isSettled) settled.add(release.metadata.name);
      await writeStrategy(deps, release, result, signal);
      return onChange;
  }
}

function servesOn(deps: ReleaseDeps, leaving: ReleaseRecord): boolean {
  return isComplete(leaving) && planLeave(deps, leaving).successor.kind === 'hold';
}

async function writeStrategy(
  deps: ReleaseDeps,
  release: ReleaseRecord,
  { strategy, achievedStep, isComplete: completes }: Extract<StrategyResult, { kind: 'looked' }>,
  signal: AbortSignal,
): Promise<void> {
  const wasComplete = isComplete(release);
  const last = release.spec.environment.strategy.steps.length - 1;
  const isBack = wasComplete && release.spec.targetStep < last;
  const hadBack = release.status.conditions?.some(({ type }) => type === steppedBackCondition) ?? false;
  const said: ShipperCondition[] = [
    { type: 'StrategyExecuted', status: 'True' },
    // Once complete, always complete: other tools choose the incumbent by it.
    ...(completes || wasComplete ? [{ type: 'Complete', status: 'True' } as const] : []),
    ...(isBack || hadBack
      ? [
          {
            type: steppedBackCondition,
            status: isBack ? 'True' : 'False',
            ...(isBack
              ? { message: `it was complete and went back to step ${release.spec.targetStep}` }
              : {}),
          } as const,
        ]
      : []),
  ];
  const before = release.status.strategy?.state;
  await writeConditions(deps, release, said, signal, {
    strategy,
    ...(achievedStep ? { achievedStep } : {}),
  });
  if (stableJson(before) !== stableJson(strategy.state)) {
    deps.tell(subjectOf(release as AnyRecord), {
      type: 'Normal',
      reason: 'ReleaseStateTransitioned',
      action: 'ExecuteStrategy',
      note: `waits for: ${waitsFor(strategy.state)}`,
    });
  }
  if (completes && !wasComplete) {
    const { namespace = '', creationTimestamp } = release.metadata;
    const tookMs = deps.clock.now() - Date.parse(creationTimestamp ?? '');
    if (Number.isFinite(tookMs)) deps.metrics.onComplete({ namespace, tookMs });
  }
}

function waitsFor(state: NonNullable<ReleaseStatus['strategy']>['state']): string {
  const waiting = Object.entries(state ?? {}).filter(([, value]) => value === 'True');
  return waiting.map(([name]) => name.replace('waitingFor', '').toLowerCase()).join(', ') || 'nothing';
}

async function ensureFinalizer(
  { store }: ReleaseDeps,
  release: ReleaseRecord,
  signal: AbortSignal,
): Promise<ReleaseRecord> {
  const { finalizers = [] } = release.metadata;
  if (finalizers.includes(releaseFinalizer)) return release;
  const value = [...finalizers, releaseFinalizer];
  return store.patch('release', release, [{ op: 'add', path: '/metadata/finalizers', value }], signal);
}

function blockedCondition({ store }: ReleaseDeps, release: ReleaseRecord): ShipperCondition {
  const verdict = verdictOn(store, release);
  return verdict.kind === 'free'
    ? { type: 'Blocked', status: 'False' }
    : { type: 'Blocked', status: 'True', reason: 'RolloutsBlocked', message: verdict.message };
}

async function writeConditions(
  { store, clock, tell }: ReleaseDeps,
  release: ReleaseRecord,
  said: readonly ShipperCondition[],
  signal: AbortSignal,
  further: Partial<ReleaseStatus> = {},
): Promise<ReleaseRecord> {
  const now = timeOf(clock);
  const before: readonly ShipperCondition[] = release.status.conditions ?? [];
  const conditions = said.reduce((list, one) => setCondition(list, one, now), before);
  const status = { ...release.status, ...further, conditions: conditions.map((each) => ({ ...each })) };
  const written = await store.writeStatus('release', release, status, signal);
  tellTurns(tell, release as AnyRecord, before, conditions);
  return written;
}

function keyOfRelease({ metadata }: ReleaseRecord): string {
  return `${metadata.namespace}/${metadata.name}`;
}
