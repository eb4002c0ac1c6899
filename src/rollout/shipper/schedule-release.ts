import {
  shipperAnnotations,
  shipperApiVersion,
  shipperLabels,
} from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { HansaError, type Logger } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { Members } from '../../members/index.ts';
import { chooseClusters } from '../plan/shipper/index.ts';
import { memberCandidates } from '../plan/shipper-door/member-candidates.ts';
import type { PreparedRelease } from '../plan/shipper-door/prepare-objects.ts';
import { type HostStore, pointerTo } from './host-store.ts';
import { type AnyRecord, keyOfRecord, type ReleaseRecord } from './records.ts';
import { clustersOf } from './release-facts.ts';
import type { Renderings } from './renderings.ts';
import { subjectOf, type Tell } from './tell.ts';

export interface ScheduleDeps {
  readonly store: HostStore;
  readonly members: Members;
  readonly renderings: Renderings;
  readonly tell: Tell;
  readonly logger: Logger;
}

/**
 * Chooses the clusters of a Release, once for all; has its chart rendered, once for all; and makes its three targets.
 * Undefined while the chart is being rendered.
 * @throws HansaError with a reason of the condition Scheduled; or those of the API
 */
export async function scheduleRelease(
  deps: ScheduleDeps,
  release: ReleaseRecord,
  wake: () => void,
  signal: AbortSignal,
): Promise<ReleaseRecord | undefined> {
  const chosen = clustersOf(release) ? release : await chooseFor(deps, release, signal);
  const clusters = clustersOf(chosen) ?? [];
  const kubeVersion = oldestVersion(deps.members, clusters);
  const prepared = deps.renderings.request(chosen, { signal, kubeVersion }, wake);
  if (!prepared) return undefined;
  if (!prepared.ok) {
    throw new HansaError(prepared.message, {
      reason: prepared.reason === 'ChartError' ? 'BrokenChartSpec' : prepared.reason,
      retry: 'never',
    });
  }
  await ensureTargets(deps.store, chosen, clusters, prepared, signal);
  return chosen;
}

async function chooseFor(
  { store, members, tell }: ScheduleDeps,
  release: ReleaseRecord,
  signal: AbortSignal,
): Promise<ReleaseRecord> {
  const { metadata, spec } = release;
  const application = metadata.labels?.[shipperLabels.app] ?? '';
  const known = new Map(store.list('cluster').map((cluster) => [cluster.metadata.name, cluster.spec]));
  const candidates = memberCandidates(
    members.list().map(({ name, view }) => ({ name, labels: view.labels })),
    known,
  );
  const choice = chooseClusters(application, spec.environment.clusterRequirements, candidates);
  if (choice.kind === 'impossible') {
    // Looked at again when a member or a Cluster changes.
    throw new HansaError(choice.message, { reason: choice.reason, retry: 'never' });
  }
  const names = choice.clusters.join(',');
  const chosen = await store.patch(
    'release',
    release,
    [
      ...(metadata.annotations ? [] : [{ op: 'add' as const, path: '/metadata/annotations', value: {} }]),
      {
        op: 'add',
        path: `/metadata/annotations${pointerTo(shipperAnnotations.releaseClusters)}`,
        value: names,
      },
    ],
    signal,
  );
  tell(subjectOf(release as AnyRecord), {
    type: 'Normal',
    reason: 'ClustersSelected',
    action: 'Schedule',
    note: `Set clusters for "${keyOfRecord(release)}" to ${names}`,
  });
  return chosen;
}

/** Charts look at the version; the oldest one is what all clusters can do. */
function oldestVersion(members: Members, clusters: readonly string[]): string | undefined {
  return clusters
    .flatMap((name) => members.get(name)?.health.version ?? [])
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))[0];
}

async function ensureTargets(
  store: HostStore,
  release: ReleaseRecord,
  clusters: readonly string[],
  { totalReplicas }: Extract<PreparedRelease, { ok: true }>,
  signal: AbortSignal,
): Promise<void> {
  const key = keyOfRecord(release);
  const { chart, values } = release.spec.environment;

  const installation = store.get('installation', key);
  if (!installation) {
    await store.create(
      'installation',
      targetOf(release, 'InstallationTarget', { canOverride: true, clusters, chart, values }),
      signal,
    );
  } else {
    checkOwner(installation as AnyRecord, release);
    if (!isSameSet(installation.spec.clusters, clusters)) {
      await store.patch(
        'installation',
        installation,
        [
          { op: 'replace', path: '/spec/clusters', value: clusters },
          // New clusters may hold an older Release's objects.
          { op: 'replace', path: '/spec/canOverride', value: true },
        ],
        signal,
      );
    }
  }

  const capacity = store.get('capacity', key);
  const share = (name: string) => ({ name, percent: 0, totalReplicaCount: totalReplicas });
  if (!capacity) {
    await store.create(
      'capacity',
      targetOf(release, 'CapacityTarget', { clusters: clusters.map(share) }),
      signal,
    );
  } else {
    checkOwner(capacity as AnyRecord, release);
    await keepNumbers(store, 'capacity', capacity, clusters, share, signal);
  }

  const traffic = store.get('traffic', key);
  const weight = (name: string) => ({ name, weight: 0 });
  if (!traffic) {
    await store.create(
      'traffic',
      targetOf(release, 'TrafficTarget', { clusters: clusters.map(weight) }),
      signal,
    );
  } else {
    checkOwner(traffic as AnyRecord, release);
    await keepNumbers(store, 'traffic', traffic, clusters, weight, signal);
  }
}

/** Clusters that stay keep what they have: Shipper set all to 0, and took live pods away. */
async function keepNumbers<Kind extends 'capacity' | 'traffic'>(
  store: HostStore,
  kind: Kind,
  target: Parameters<typeof store.patch<Kind>>[1],
  clusters: readonly string[],
  fresh: (name: string) => { readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const before = (target as { readonly spec: { readonly clusters: readonly { readonly name: string }[] } })
    .spec.clusters;
  if (
    isSameSet(
      before.map(({ name }) => name),
      clusters,
    )
  )
    return;
  const value = clusters.map((name) => before.find((each) => each.name === name) ?? fresh(name));
  await store.patch(kind, target, [{ op: 'replace', path: '/spec/clusters', value }], signal);
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name) => others.includes(name));
}

function targetOf(release: ReleaseRecord, kind: string, spec: object): KubeObject {
  const { name, namespace, labels = {}, uid = '' } = release.metadata;
  return {
    apiVersion: shipperApiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ownerReferences: [{ apiVersion: shipperApiVersion, kind: 'Release', name, uid }],
    },
    spec,
  };
}

function checkOwner({ kind, metadata }: AnyRecord, release: ReleaseRecord): void {
  if (metadata.ownerReferences?.some(({ uid }) => uid === release.metadata.uid)) return;
  throw new HansaError(
    `${kind} "${metadata.namespace}/${metadata.name}" is there already and does not belong to the Release of that name: delete it, and it is made anew`,
    { reason: 'FailedAPICall', retry: { afterMs: 30_000 } },
  );
}
