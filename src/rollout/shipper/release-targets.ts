import type { NumbersInEffect, Readiness, ReleaseTargets } from '../plan/shipper/index.ts';
import { type ClusterState, told } from '../plan/shipper-door/sum-up-clusters.ts';
import type { HostStore } from './host-store.ts';
import { observeCapacity, observeInstallation, observeTraffic, type Pending, type Sight } from './observe.ts';
import type { CapacityRecord, InstallationRecord, ReleaseRecord, TrafficRecord } from './records.ts';
import { keyOfRecord } from './records.ts';

export interface TargetsOf {
  readonly installation: InstallationRecord;
  readonly capacity: CapacityRecord;
  readonly traffic: TrafficRecord;
}

/** The three targets of a Release; undefined until all are there. */
export function targetsOf(store: HostStore, release: ReleaseRecord): TargetsOf | undefined {
  const key = keyOfRecord(release);
  const installation = store.get('installation', key);
  const capacity = store.get('capacity', key);
  const traffic = store.get('traffic', key);
  return installation && capacity && traffic ? { installation, capacity, traffic } : undefined;
}

/**
 * How the targets of a Release stand at this moment. Not from their status, which is written a little later and may
 * still tell of the time before: a step must not be taken for achieved by it.
 */
export function observeTargets(
  sight: Sight,
  { installation, capacity, traffic }: TargetsOf,
): ReleaseTargets | Pending {
  const installed = new Map<string, ClusterState>();
  for (const name of installation.spec.clusters) {
    const state = observeInstallation(sight, installation, name);
    if (state.kind === 'pending') return state;
    // Who cannot be asked has not lost what it had: the step goes on to where it really has to wait for it.
    const wasInstalled = state.kind === 'unreachable' && !installation.spec.canOverride;
    installed.set(name, wasInstalled ? { kind: 'ready' } : state);
  }
  const running = new Map<string, ClusterState>();
  for (const share of capacity.spec.clusters) {
    const seen = observeCapacity(sight, capacity, share);
    if ('kind' in seen) return seen;
    running.set(share.name, seen.state);
  }
  const served = new Map<string, ClusterState>();
  for (const { name } of traffic.spec.clusters) {
    const seen = observeTraffic(sight, traffic, name);
    if ('kind' in seen) return seen;
    served.set(name, seen.state);
  }
  return {
    release: installation.metadata.name,
    installation: readinessOf(installed),
    capacity: {
      ...readinessOf(running),
      isCurrent: true,
      clusters: capacity.spec.clusters.map((share) => ({
        ...share,
        totalReplicaCount: share.totalReplicaCount ?? 0,
      })),
    },
    traffic: { ...readinessOf(served), isCurrent: true, clusters: traffic.spec.clusters },
  };
}

function readinessOf(clusters: ReadonlyMap<string, ClusterState>): Readiness {
  const waiting = [...clusters].filter(([, state]) => state.kind !== 'ready');
  return { isReady: waiting.length === 0, message: told(waiting) };
}

/** What a Release was last told to have, cluster by cluster. */
export function numbersInEffect({ capacity, traffic }: TargetsOf): readonly NumbersInEffect[] {
  return capacity.spec.clusters.map(({ name, percent }) => ({
    percent,
    weight: traffic.spec.clusters.find((each) => each.name === name)?.weight ?? 0,
  }));
}
