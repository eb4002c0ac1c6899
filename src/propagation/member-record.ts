import { createHash } from 'node:crypto';
import { originalAnnotation } from '../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { Cached, KubeObject, ManagedFieldsEntry } from '../kube/index.ts';

/** Server-side apply's name for Hansa's fields in members. */
export const fieldManager = 'hansa';

/** What the engine keeps of an object in a member: enough to see drift and to count replicas, and no more. */
export interface MemberRecord extends Cached {
  readonly uid: string;
  readonly deleting: boolean;
  /**
   * Digest of the set of fields that Hansa owns in the object, '' if it owns none. Who changes or removes a field of
   * ours takes its ownership, so a change of this digest is drift, and no drift leaves it as it was.
   */
  readonly fields: string;
  /** A rollout steers traffic by this object, and has noted here what it changed. */
  readonly steered?: boolean;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  /** Another manager, such as a HorizontalPodAutoscaler, owns spec.replicas. */
  readonly replicasOwnedByOthers?: boolean;
}

/** Projection for kinds that are watched by metadata alone. */
export function metadataRecord({ metadata }: KubeObject): MemberRecord {
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    uid: metadata.uid ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    fields: fieldsDigest(metadata.managedFields),
    ...(metadata.annotations?.[originalAnnotation] === undefined ? {} : { steered: true }),
  };
}

/** Projection for kinds with spec.replicas and status.readyReplicas. */
export function workloadRecord(object: KubeObject): MemberRecord {
  const spec = object['spec'] as { readonly replicas?: number } | undefined;
  const status = object['status'] as { readonly readyReplicas?: number } | undefined;
  return {
    ...metadataRecord(object),
    replicas: spec?.replicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    replicasOwnedByOthers: (object.metadata.managedFields ?? []).some(
      (entry) => !isOurs(entry) && ownsReplicas(entry),
    ),
  };
}

function fieldsDigest(entries: readonly ManagedFieldsEntry[] | undefined): string {
  const ours = entries?.find(isOurs);
  if (!ours?.fieldsV1) return '';
  // The server writes the set in a fixed order, so its text can be compared.
  return createHash('sha256').update(JSON.stringify(ours.fieldsV1)).digest('base64url').slice(0, 11);
}

function isOurs({ manager, operation, subresource }: ManagedFieldsEntry): boolean {
  return manager === fieldManager && operation === 'Apply' && !subresource;
}

function ownsReplicas({ fieldsV1 }: ManagedFieldsEntry): boolean {
  const spec = fieldsV1?.['f:spec'];
  return typeof spec === 'object' && spec !== null && 'f:replicas' in spec;
}
