import type { Clock } from '../../base/index.ts';
import type { Outcome } from '../../kube/index.ts';
import {
  type ClusterState,
  clusterConditions,
  targetConditions,
} from '../plan/shipper-door/sum-up-clusters.ts';
import type { ShipperCondition } from '../plan/shipper/index.ts';
import type { HostStore } from './host-store.ts';
import { after, onChange } from './member-work.ts';
import type { ShipperMetrics } from './metrics.ts';
import { observeCapacity, observeInstallation, observeTraffic, type Pending, type Sight } from './observe.ts';
import type { AnyRecord, CapacityRecord, InstallationRecord, TrafficRecord } from './records.ts';
import { isLeaving } from './records.ts';
import { type Tell, tellTurns, timeOf } from './tell.ts';

export interface TargetDeps {
  readonly store: HostStore;
  readonly sight: Sight;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly metrics: ShipperMetrics;
}

/** What is not known yet is looked at again soon, should no event come. */
const pendingCheckMs = 500;

type Entry = { readonly name: string; readonly conditions?: readonly ShipperCondition[] };

/** What was seen of one cluster, and what of it goes into the status beside the conditions. */
interface SeenCluster {
  readonly name: string;
  readonly state: ClusterState | Pending;
  readonly fields: object;
}

/** Writes into an InstallationTarget how far it is; ends its right to override with the first full success. */
export async function syncInstallation(deps: TargetDeps, key: string, signal: AbortSignal): Promise<Outcome> {
  const target = deps.store.get('installation', key);
  if (!target || isLeaving(target)) return onChange;
  const seen = target.spec.clusters.map((name) => ({
    name,
    state: observeInstallation(deps.sight, target, name),
    fields: {},
  }));
  const { status, isPending, isReady } = sumUp(deps, target, target.status, seen);
  const written = await deps.store.writeStatus(
    'installation',
    target,
    status as InstallationRecord['status'],
    signal,
  );
  tellTurns(deps.tell, target as AnyRecord, conditionsIn(target.status), conditionsIn(status) ?? []);
  if (isReady && target.spec.canOverride) {
    await deps.store.patch(
      'installation',
      written,
      [{ op: 'replace', path: '/spec/canOverride', value: false }],
      signal,
    );
    const { namespace = '', creationTimestamp } = target.metadata;
    const tookMs = deps.clock.now() - Date.parse(creationTimestamp ?? '');
    if (Number.isFinite(tookMs)) deps.metrics.onInstalled({ namespace, tookMs });
  }
  return isPending ? after(pendingCheckMs) : onChange;
}

/** Writes into a CapacityTarget what runs where. */
export async function syncCapacity(deps: TargetDeps, key: string, signal: AbortSignal): Promise<Outcome> {
  const target = deps.store.get('capacity', key);
  if (!target) return onChange;
  const seen = target.spec.clusters.map((share): SeenCluster => {
    const found = observeCapacity(deps.sight, target, share);
    return 'kind' in found
      ? { name: share.name, state: found, fields: {} }
      : { name: share.name, state: found.state, fields: found.entry };
  });
  const { status, isPending } = sumUp(deps, target, target.status, seen);
  await deps.store.writeStatus('capacity', target, status as CapacityRecord['status'], signal);
  tellTurns(deps.tell, target as AnyRecord, conditionsIn(target.status), conditionsIn(status) ?? []);
  return isPending ? after(pendingCheckMs) : onChange;
}

/** Writes into a TrafficTarget how much traffic it has where. */
export async function syncTraffic(deps: TargetDeps, key: string, signal: AbortSignal): Promise<Outcome> {
  const target = deps.store.get('traffic', key);
  if (!target) return onChange;
  const seen = target.spec.clusters.map(({ name }): SeenCluster => {
    const found = observeTraffic(deps.sight, target, name);
    return 'kind' in found
      ? { name, state: found, fields: {} }
      : { name, state: found.state, fields: { achievedTraffic: found.achievedTraffic } };
  });
  const { status, isPending } = sumUp(deps, target, target.status, seen);
  await deps.store.writeStatus('traffic', target, status as TrafficRecord['status'], signal);
  tellTurns(deps.tell, target as AnyRecord, conditionsIn(target.status), conditionsIn(status) ?? []);
  return isPending ? after(pendingCheckMs) : onChange;
}

/** What is not known yet stays as it was told; the whole is judged when all is known. */
function sumUp(
  { clock }: TargetDeps,
  { kind, metadata }: Pick<AnyRecord, 'kind' | 'metadata'>,
  before: {
    readonly clusters?: readonly Entry[];
    readonly conditions?: readonly ShipperCondition[];
  } & object,
  seen: readonly SeenCluster[],
): { readonly status: object; readonly isPending: boolean; readonly isReady: boolean } {
  const now = timeOf(clock);
  const known = seen.flatMap(({ name, state }) => (state.kind === 'pending' ? [] : [[name, state] as const]));
  const isPending = known.length < seen.length;
  const clusters = seen.flatMap(({ name, state, fields }) => {
    const old = before.clusters?.find((each) => each.name === name);
    if (state.kind === 'pending') return old ?? [];
    return { name, ...fields, conditions: clusterConditions(old?.conditions, state, now) };
  });
  const status = {
    ...before,
    clusters,
    ...(isPending
      ? {}
      : {
          // An InstallationTarget has no such field, as in Shipper.
          ...(kind === 'InstallationTarget' ? {} : { observedGeneration: metadata.generation }),
          conditions: targetConditions(before.conditions, new Map(known), now),
        }),
  };
  return {
    status,
    isPending,
    isReady: !isPending && known.every(([, state]) => state.kind === 'ready'),
  };
}

function conditionsIn(status: object): readonly ShipperCondition[] | undefined {
  return (status as { readonly conditions?: readonly ShipperCondition[] }).conditions;
}
