import type { ApplicationStatus } from '../../api/shipper.booking.com/v1alpha1/application.ts';
import {
  shipperAnnotations,
  shipperApiVersion,
  shipperLabels,
} from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { type Clock, HansaError, messageOf } from '../../base/index.ts';
import { keyOf, type KubeObject, type Outcome } from '../../kube/index.ts';
import {
  contenderOf,
  incumbentOf,
  mergeOverrides,
  readGeneration,
  releasesToDelete,
  resolveChartVersion,
  setCondition,
  type ShipperCondition,
} from '../plan/shipper/index.ts';
import {
  type ApplicationStep,
  type HistoryRelease,
  planApplication,
} from '../plan/shipper-door/plan-application.ts';
import { releaseFinalizer } from '../plan/shipper-door/words.ts';
import { verdictOn } from './blocks.ts';
import { type HostStore, type JsonPatchOperation, pointerTo } from './host-store.ts';
import { onChange } from './member-work.ts';
import type { ShipperMetrics } from './metrics.ts';
import { type AnyRecord, type ApplicationRecord, isLeaving, type ReleaseRecord } from './records.ts';
import { historyOf, inOrder } from './release-facts.ts';
import type { Renderings } from './renderings.ts';
import { subjectOf, type Tell, tellTurns, timeOf } from './tell.ts';

export interface ApplicationDeps {
  readonly store: HostStore;
  readonly renderings: Renderings;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly metrics: ShipperMetrics;
}

const versionAgainMs = 15_000;

/** Makes the Release that an Application's template asks for, keeps its history short, and tells how it stands. */
export async function syncApplication(
  deps: ApplicationDeps,
  key: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const application = deps.store.get('application', key);
  if (!application) forget(deps, key);
  if (!application || isLeaving(application)) return onChange;
  const verdict = verdictOn(deps.store, application);
  if (verdict.kind !== 'free') {
    await writeStatus(
      deps,
      application,
      [{ type: 'Blocked', status: 'True', reason: 'RolloutsBlocked', message: verdict.message }],
      signal,
    );
    return onChange;
  }
  if (verdict.overridden.length > 0 && application.status.history === undefined) {
    deps.tell(subjectOf(application as AnyRecord), {
      type: 'Normal',
      reason: 'RolloutBlockOverridden',
      action: 'Reconcile',
      note: `passes ${verdict.overridden.join(', ')}`,
    });
  }
  const said = new Map<string, ShipperCondition>([['Blocked', { type: 'Blocked', status: 'False' }]]);
  const say = (condition: ShipperCondition) => void said.set(condition.type, condition);
  try {
    await advance(deps, application, say, signal);
  } finally {
    if (!signal.aborted) {
      const current = deps.store.get('application', key) ?? application;
      await writeStatus(deps, current, [...said.values()], signal);
    }
  }
  return onChange;
}

function forget({ metrics }: ApplicationDeps, key: string): void {
  const slash = key.indexOf('/');
  metrics.onReleases({ namespace: key.slice(0, slash), name: key.slice(slash + 1), count: 0 });
}

async function advance(
  deps: ApplicationDeps,
  seen: ApplicationRecord,
  say: (condition: ShipperCondition) => void,
  signal: AbortSignal,
): Promise<void> {
  const { store } = deps;
  const releases = releasesOf(store, seen);
  const history = releases.map(historyOf);
  const highestObserved = checkHistory(seen, releases, say);
  sayRollingOut(history, say);
  let application = await passOverrides(deps, seen, releases, signal);

  // An abort must not depend on the repository: the template to go back to is resolved already.
  let step = planApplication({
    name: application.metadata.name,
    template: application.spec.template,
    highestObserved,
    releases: history,
  });
  if (step.kind === 'create') {
    application = await resolveVersion(deps, application, say, signal);
    step = planApplication({
      name: application.metadata.name,
      template: application.spec.template,
      highestObserved,
      releases: history,
    });
  }
  await carryOut(deps, application, step, say, signal);
  if (step.kind === 'in-step') await cleanUp(deps, application, signal);
}

function releasesOf(store: HostStore, { metadata }: ApplicationRecord): readonly ReleaseRecord[] {
  return inOrder(store.of('release', keyOf(metadata)));
}

/** @throws HansaError BrokenReleaseGeneration, BrokenApplicationObservedGeneration: nothing can be ordered then */
function checkHistory(
  { metadata }: ApplicationRecord,
  releases: readonly ReleaseRecord[],
  say: (condition: ShipperCondition) => void,
): number | undefined {
  const fail = (reason: string, message: string): never => {
    say({ type: 'ValidHistory', status: 'False', reason, message });
    throw new HansaError(message, { reason, retry: 'never' });
  };
  for (const { metadata: its } of releases) {
    const read = readGeneration(its.name, its.annotations?.[shipperAnnotations.releaseGeneration]);
    if (!read.ok) fail('BrokenReleaseGeneration', read.message);
  }
  const text = metadata.annotations?.[shipperAnnotations.highestObservedGeneration];
  if (text !== undefined && !/^[+-]?\d+$/.test(text)) {
    fail(
      'BrokenApplicationObservedGeneration',
      `the annotation ${shipperAnnotations.highestObservedGeneration} is "${text}" and must be a whole number: set it to the highest release.generation of this Application's Releases`,
    );
  }
  say({ type: 'ValidHistory', status: 'True' });
  return text === undefined ? undefined : Number(text);
}

function sayRollingOut(history: readonly HistoryRelease[], say: (condition: ShipperCondition) => void): void {
  const staying = history.filter((each) => !each.isLeaving);
  const contender = contenderOf(staying);
  const incumbent = incumbentOf(staying);
  if (!contender) {
    say({ type: 'RollingOut', status: 'Unknown' });
  } else if (contender.isComplete) {
    say({ type: 'RollingOut', status: 'False', message: `Release "${contender.name}" is active` });
  } else {
    say({
      type: 'RollingOut',
      status: 'True',
      message: incumbent
        ? `Transitioning from "${incumbent.name}" to "${contender.name}"`
        : `Initial release "${contender.name}"`,
    });
  }
}

/** Shipper meant what a Release may pass to count for its Application, too, and patched a wrong path. */
async function passOverrides(
  { store }: ApplicationDeps,
  application: ApplicationRecord,
  releases: readonly ReleaseRecord[],
  signal: AbortSignal,
): Promise<ApplicationRecord> {
  const contender = releases.findLast((each) => !isLeaving(each));
  const annotation = shipperAnnotations.blockOverride;
  const ofRelease = contender?.metadata.annotations?.[annotation];
  if (!ofRelease) return application;
  const before = application.metadata.annotations?.[annotation];
  const merged = mergeOverrides(before, ofRelease);
  if (merged === mergeOverrides(before, undefined)) return application;
  return store.patch('application', application, annotate(application, { [annotation]: merged }), signal);
}

/** Writes the version that a constraint means into the template, so that nothing changes by itself later. */
async function resolveVersion(
  { store, renderings }: ApplicationDeps,
  application: ApplicationRecord,
  say: (condition: ShipperCondition) => void,
  signal: AbortSignal,
): Promise<ApplicationRecord> {
  const { metadata, spec } = application;
  const { chart } = spec.template;
  const { annotations = {} } = metadata;
  const isResolved =
    annotations[shipperAnnotations.chartName] === chart.name &&
    annotations[shipperAnnotations.chartVersionResolved] === chart.version;
  if (isResolved) return application;
  try {
    const { versions, staleBecause } = await renderings.versions(chart, metadata.namespace ?? '', signal);
    const resolved = resolveChartVersion(versions, chart.version);
    if (resolved.kind !== 'resolved') {
      const known =
        versions.length === 0 ? 'it has no such chart' : `it has ${versions.slice(0, 5).join(', ')}`;
      throw new HansaError(
        `chart ${chart.name} has no version ${chart.version} in ${chart.repoUrl} (${resolved.message}; ${known})` +
          (staleBecause ? `; ${staleBecause}` : ''),
        {
          reason: 'ChartVersionResolutionFailed',
          retry: resolved.kind === 'broken' ? 'never' : { afterMs: versionAgainMs },
        },
      );
    }
    return await store.patch(
      'application',
      application,
      [
        ...annotate(application, {
          [shipperAnnotations.chartName]: chart.name,
          [shipperAnnotations.chartVersionRaw]: chart.version,
          [shipperAnnotations.chartVersionResolved]: resolved.version,
        }),
        // Only this field: a merge would take null in values for "remove".
        ...(resolved.version === chart.version
          ? []
          : [{ op: 'replace' as const, path: '/spec/template/chart/version', value: resolved.version }]),
      ],
      signal,
    );
  } catch (error) {
    if (signal.aborted || (error instanceof HansaError && error.reason === 'Conflict')) throw error;
    const message = messageOf(error);
    say({ type: 'RollingOut', status: 'False', reason: 'ChartVersionResolutionFailed', message });
    if (error instanceof HansaError) throw error;
    throw new HansaError(message, { reason: 'ChartVersionResolutionFailed', retry: 'backoff', cause: error });
  }
}

async function carryOut(
  deps: ApplicationDeps,
  application: ApplicationRecord,
  step: ApplicationStep,
  say: (condition: ShipperCondition) => void,
  signal: AbortSignal,
): Promise<void> {
  const { store } = deps;
  switch (step.kind) {
    case 'wait-for-removal':
      return;
    case 'in-step':
      await observeGeneration(store, application, step.highestObserved, signal);
      say({ type: 'Aborting', status: 'False' });
      say({ type: 'ReleaseSynced', status: 'True' });
      return;
    case 'abort': {
      const { chart } = step.to.environment as ApplicationRecord['spec']['template'];
      await store.patch(
        'application',
        application,
        [
          ...annotate(application, {
            [shipperAnnotations.highestObservedGeneration]: String(step.to.generation),
            [shipperAnnotations.chartName]: chart.name,
            [shipperAnnotations.chartVersionRaw]: chart.version,
            [shipperAnnotations.chartVersionResolved]: chart.version,
          }),
          { op: 'replace', path: '/spec/template', value: step.to.environment },
        ],
        signal,
      );
      say({
        type: 'Aborting',
        status: 'True',
        message: `abort in progress, returning state to release "${step.to.name}"`,
      });
      return;
    }
    case 'create': {
      try {
        const release = await store.create('release', releaseFor(application, step), signal);
        await observeGeneration(
          store,
          store.get('application', keyOf(application.metadata)) ?? application,
          step.generation,
          signal,
        );
        say({ type: 'Aborting', status: 'False' });
        say({ type: 'ReleaseSynced', status: 'True' });
        sayRollingOut(releasesOf(store, application).map(historyOf), say);
        deps.tell(subjectOf(application as AnyRecord), {
          type: 'Normal',
          reason: 'ReleaseCreated',
          action: 'CreateRelease',
          note: `created Release "${release.metadata.name}"`,
        });
      } catch (error) {
        const reason = error instanceof HansaError ? error.reason : '';
        if (!signal.aborted && !['Conflict', 'AlreadyExists'].includes(reason)) {
          const message = messageOf(error);
          say({ type: 'ReleaseSynced', status: 'False', reason: 'CreateReleaseFailed', message });
          say({ type: 'RollingOut', status: 'False', reason: 'CreateReleaseFailed', message });
        }
        throw error;
      }
    }
  }
}

async function observeGeneration(
  store: HostStore,
  application: ApplicationRecord,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const annotation = shipperAnnotations.highestObservedGeneration;
  if (application.metadata.annotations?.[annotation] === String(generation)) return;
  await store.patch(
    'application',
    application,
    annotate(application, { [annotation]: String(generation) }),
    signal,
  );
}

function releaseFor(
  { metadata, spec }: ApplicationRecord,
  { release, hash, iteration, generation }: Extract<ApplicationStep, { kind: 'create' }>,
): KubeObject {
  const { name, namespace, uid = '', labels = {}, annotations = {} } = metadata;
  const override = annotations[shipperAnnotations.blockOverride];
  return {
    apiVersion: shipperApiVersion,
    kind: 'Release',
    metadata: {
      name: release,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...labels,
        [shipperLabels.app]: name,
        [shipperLabels.release]: release,
        [shipperLabels.releaseHash]: hash,
      },
      annotations: {
        [shipperAnnotations.releaseGeneration]: String(generation),
        [shipperAnnotations.releaseTemplateIteration]: String(iteration),
        ...(override ? { [shipperAnnotations.blockOverride]: override } : {}),
      },
      finalizers: [releaseFinalizer],
      ownerReferences: [{ apiVersion: shipperApiVersion, kind: 'Application', name, uid }],
    },
    spec: { targetStep: 0, environment: spec.template },
  };
}

/** Deletes Releases that were never complete, and complete ones over the limit. */
async function cleanUp(
  { store }: ApplicationDeps,
  application: ApplicationRecord,
  signal: AbortSignal,
): Promise<void> {
  const releases = releasesOf(store, application).filter((each) => !isLeaving(each));
  const names = releasesToDelete(releases.map(historyOf), application.spec.revisionHistoryLimit);
  for (const release of releases.filter(({ metadata }) => names.includes(metadata.name))) {
    await store.remove('release', release, signal);
  }
}

async function writeStatus(
  { store, clock, tell, metrics }: ApplicationDeps,
  application: ApplicationRecord,
  said: readonly ShipperCondition[],
  signal: AbortSignal,
): Promise<void> {
  const now = timeOf(clock);
  const before: readonly ShipperCondition[] = application.status.conditions ?? [];
  const conditions = said.reduce((list, one) => setCondition(list, one, now), before);
  const history = releasesOf(store, application)
    .filter((each) => !isLeaving(each))
    .map(({ metadata }) => metadata.name);
  const status = {
    ...application.status,
    conditions: conditions.map((each) => ({ ...each })),
    history,
  } as Partial<ApplicationStatus>;
  await store.writeStatus('application', application, status, signal);
  tellTurns(tell, application as AnyRecord, before, conditions);
  const { namespace = '', name } = application.metadata;
  metrics.onReleases({ namespace, name, count: history.length });
}

function annotate(
  { metadata }: ApplicationRecord,
  values: Readonly<Record<string, string>>,
): readonly JsonPatchOperation[] {
  return [
    ...(metadata.annotations ? [] : [{ op: 'add' as const, path: '/metadata/annotations', value: {} }]),
    ...Object.entries(values).map(([name, value]) => ({
      op: 'add' as const,
      path: `/metadata/annotations${pointerTo(name)}`,
      value,
    })),
  ];
}
