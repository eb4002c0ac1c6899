import { isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { shareOf } from '../steps/share.ts';
import { capacityAnnotation } from './words.ts';

/** What was last ordered of a workload. */
export interface Capacity {
  readonly percent: number;
  /** Replicas when whole. */
  readonly total: number;
}

export function readCapacity({ metadata: { annotations = {} } }: KubeObject): Capacity | undefined {
  const text = annotations[capacityAnnotation];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) return undefined;
    const { percent, total } = value;
    return typeof percent === 'number' && typeof total === 'number' ? { percent, total } : undefined;
  } catch {
    return undefined;
  }
}

/** The annotation that remembers an order. */
export function capacityNote({ percent, total }: Capacity): Readonly<Record<string, string>> {
  return { [capacityAnnotation]: JSON.stringify({ percent, total }) };
}

/** A rendered workload with so many replicas. */
export function withCapacity(object: KubeObject, { percent, total }: Capacity): KubeObject {
  return withReplicas(object, shareOf(total, percent), { percent, total });
}

/** With replicas that an autoscaler has chosen; they are written as they are, or the API server would set them to 1. */
export function withReplicas(object: KubeObject, replicas: number, capacity: Capacity): KubeObject {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: {
        ...object.metadata.annotations,
        ...capacityNote(capacity),
      },
    },
    spec: { ...(object['spec'] as JsonObject), replicas },
  };
}

/** One workload in a member. */
export interface WorkloadSeen {
  /** Name in the manifests. */
  readonly name: string;
  readonly kind: string;
  readonly capacity: Capacity | undefined;
  readonly replicas: number;
  readonly ready: number;
  /** Ready, available, of the latest template, and no pod more. */
  readonly isSettled: boolean;
  /** An autoscaler that is not held still decides the replicas. */
  readonly isScaled: boolean;
}

interface WorkloadShape {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export function readWorkload(object: KubeObject, name: string, isScaled: boolean): WorkloadSeen {
  const { spec = {}, status = {} } = object as WorkloadShape;
  const { replicas = 1 } = spec;
  const { readyReplicas = 0, availableReplicas = 0, observedGeneration } = status;
  // A ReplicaSet has no updatedReplicas.
  const { replicas: there = 0, updatedReplicas = object.kind === 'Deployment' ? 0 : there } = status;
  return {
    name,
    kind: object.kind,
    capacity: readCapacity(object),
    replicas,
    ready: readyReplicas,
    isSettled:
      observedGeneration === object.metadata.generation &&
      [readyReplicas, availableReplicas, there, updatedReplicas].every((count) => count === replicas),
    isScaled,
  };
}

/** The workloads of one revision together. */
export interface CapacitySide {
  readonly percent: number | undefined;
  readonly desired: number;
  readonly ready: number;
  readonly isReady: boolean;
}

/**
 * Sums up the workloads of one revision. The first by name leads: an order is written there first, so its share is what
 * was ordered, and the others follow, though the controller was killed in between.
 */
export function sumCapacity(workloads: readonly WorkloadSeen[]): CapacitySide {
  const [leader] = workloads;
  const percent = leader?.capacity?.percent;
  return {
    percent,
    desired: sum(workloads, ({ replicas }) => replicas),
    ready: sum(workloads, ({ ready, replicas }) => Math.min(ready, replicas)),
    isReady: workloads.every(
      ({ isSettled, isScaled, capacity, replicas }) =>
        isSettled &&
        (isScaled ||
          (capacity?.percent === percent &&
            (capacity === undefined || replicas === shareOf(capacity.total, capacity.percent)))),
    ),
  };
}

/** Replicas of one workload when whole. */
export function wholeOf({ isScaled, replicas, capacity }: WorkloadSeen): number {
  return isScaled ? replicas : (capacity?.total ?? replicas);
}

/** Replicas of the whole; where the revisions differ the smaller number, since no more can be promised. */
export function totalOf(contender: readonly WorkloadSeen[], incumbent: readonly WorkloadSeen[]): number {
  const whole = (workloads: readonly WorkloadSeen[]) => sum(workloads, wholeOf);
  if (contender.length === 0) return whole(incumbent);
  if (incumbent.length === 0) return whole(contender);
  return Math.min(whole(contender), whole(incumbent));
}

function sum(workloads: readonly WorkloadSeen[], number: (workload: WorkloadSeen) => number): number {
  return workloads.reduce((total, workload) => total + number(workload), 0);
}
