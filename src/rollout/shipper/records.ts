import type {
  ApplicationSpec,
  ApplicationStatus,
} from '../../api/shipper.booking.com/v1alpha1/application.ts';
import { applicationAddress } from '../../api/shipper.booking.com/v1alpha1/application.ts';
import type {
  CapacityTargetSpec,
  CapacityTargetStatus,
} from '../../api/shipper.booking.com/v1alpha1/capacity-target.ts';
import { capacityTargetAddress } from '../../api/shipper.booking.com/v1alpha1/capacity-target.ts';
import type { ClusterSpec } from '../../api/shipper.booking.com/v1alpha1/cluster.ts';
import { clusterAddress } from '../../api/shipper.booking.com/v1alpha1/cluster.ts';
import type {
  InstallationTargetSpec,
  InstallationTargetStatus,
} from '../../api/shipper.booking.com/v1alpha1/installation-target.ts';
import { installationTargetAddress } from '../../api/shipper.booking.com/v1alpha1/installation-target.ts';
import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import type { ReleaseSpec, ReleaseStatus } from '../../api/shipper.booking.com/v1alpha1/release.ts';
import { releaseAddress } from '../../api/shipper.booking.com/v1alpha1/release.ts';
import type {
  RolloutBlockSpec,
  RolloutBlockStatus,
} from '../../api/shipper.booking.com/v1alpha1/rollout-block.ts';
import { rolloutBlockAddress } from '../../api/shipper.booking.com/v1alpha1/rollout-block.ts';
import type {
  TrafficTargetSpec,
  TrafficTargetStatus,
} from '../../api/shipper.booking.com/v1alpha1/traffic-target.ts';
import { trafficTargetAddress } from '../../api/shipper.booking.com/v1alpha1/traffic-target.ts';
import { type Cached, keyOf, type KubeObject, type ObjectMeta, type ResourceType } from '../../kube/index.ts';

/** An object of Shipper's kinds as the caches keep it; the API server has checked its shape. */
export interface Stored<Spec, Status> extends Cached {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status: Partial<Status>;
}

export type ApplicationRecord = Stored<ApplicationSpec, ApplicationStatus>;
export type ReleaseRecord = Stored<ReleaseSpec, ReleaseStatus>;
export type InstallationRecord = Stored<InstallationTargetSpec, InstallationTargetStatus>;
export type CapacityRecord = Stored<CapacityTargetSpec, CapacityTargetStatus>;
export type TrafficRecord = Stored<TrafficTargetSpec, TrafficTargetStatus>;
export type ClusterRecord = Stored<ClusterSpec, object>;
export type BlockRecord = Stored<RolloutBlockSpec, RolloutBlockStatus>;
export type AnyRecord = Stored<unknown, unknown>;

export const shipperTypes = {
  application: applicationAddress,
  release: releaseAddress,
  installation: installationTargetAddress,
  capacity: capacityTargetAddress,
  traffic: trafficTargetAddress,
  cluster: clusterAddress,
  block: rolloutBlockAddress,
} as const satisfies Record<string, ResourceType>;

export function stored<Spec, Status>(object: KubeObject): Stored<Spec, Status> {
  const { managedFields: _, ...metadata } = object.metadata;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata,
    spec: (object['spec'] ?? {}) as Spec,
    status: (object['status'] ?? {}) as Partial<Status>,
  };
}

/** `namespace/name` of the Application that an object belongs to; undefined if it belongs to none. */
export function applicationKeyOf({ metadata }: Pick<AnyRecord, 'metadata'>): string | undefined {
  const name = metadata.labels?.[shipperLabels.app];
  return name === undefined ? undefined : keyOf({ namespace: metadata.namespace, name });
}

export function keyOfRecord({ metadata }: Pick<AnyRecord, 'metadata'>): string {
  return keyOf(metadata);
}

export function isLeaving({ metadata }: Pick<AnyRecord, 'metadata'>): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether a condition stands at True. */
export function holds(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return conditions?.some((each) => each.type === type && each.status === 'True') ?? false;
}
