import { toHub } from '../api/convert/to-hub.ts';
import type { FederatedKind } from '../api/federated-kinds.ts';
import type { FederatedHub } from '../api/hub.ts';
import {
  deleteOptionAnnotation,
  orphanAnnotation,
  scheduledAnnotation,
  syncFinalizer,
} from '../api/names.ts';
import { type Pins, readPins } from '../api/rollout.hansa.dev/v1alpha1/pins.ts';
import { pinsAnnotation } from '../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject, type JsonObject } from '../base/index.ts';
import type { Cached, KubeObject, ResourceType } from '../kube/index.ts';
import type { FederatedStatus } from './status.ts';

/** A federated object of either group, as the engine keeps it. */
export interface FederatedRecord extends Cached {
  readonly row: FederatedKind;
  /** Where the object itself lives: the group its user wrote it in. */
  readonly source: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly hasFinalizer: boolean;
  /** The annotation that asks to leave the members' objects behind on deletion. */
  readonly orphan: boolean;
  readonly deleteOptions: { readonly value: JsonObject } | { readonly problem: string } | undefined;
  readonly spec:
    | { readonly ok: true; readonly hub: FederatedHub }
    | {
        readonly ok: false;
        readonly problems: readonly { readonly field: string; readonly message: string }[];
      };
  readonly labels: Readonly<Record<string, string>>;
  /** Which revision each member holds, if a rollout says so; `unreadable` keeps everything as it is. */
  readonly pins: Pins | 'unreadable' | undefined;
  /** What a ReplicaSchedulingPreference changed in the spec, as its annotation says. */
  readonly scheduled: string | undefined;
  readonly status: FederatedStatus | undefined;
}

export function federatedRecord(
  row: FederatedKind,
  source: ResourceType,
  object: KubeObject,
): FederatedRecord {
  const { metadata } = object;
  const parsed = toHub(object);
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    row,
    source,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    createdAt: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
    hasFinalizer: metadata.finalizers?.includes(syncFinalizer) ?? false,
    orphan: metadata.annotations?.[orphanAnnotation] === 'true',
    deleteOptions: readDeleteOptions(metadata.annotations?.[deleteOptionAnnotation]),
    spec: parsed.ok ? { ok: true, hub: lean(parsed.hub) } : { ok: false, problems: parsed.problems },
    labels: metadata.labels ?? {},
    pins: pinsOf(metadata.annotations?.[pinsAnnotation]),
    scheduled: metadata.annotations?.[scheduledAnnotation],
    status: object['status'] as FederatedStatus | undefined,
  };
}

/** Thousands of these are kept: metadata (managedFields above all) and status are elsewhere or not needed. */
function lean({ metadata: { name, namespace }, status: _, ...hub }: FederatedHub): FederatedHub {
  return { ...hub, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

/** True if a change from one to the other may call for work in members; a new status or managedFields doesn't. */
export function differsForMembers(old: FederatedRecord, next: FederatedRecord): boolean {
  return (
    old.uid !== next.uid ||
    old.generation !== next.generation ||
    old.deleting !== next.deleting ||
    old.hasFinalizer !== next.hasFinalizer ||
    old.orphan !== next.orphan ||
    JSON.stringify(old.pins) !== JSON.stringify(next.pins) ||
    JSON.stringify(old.labels) !== JSON.stringify(next.labels) ||
    JSON.stringify(old.deleteOptions) !== JSON.stringify(next.deleteOptions)
  );
}

function pinsOf(text: string | undefined): FederatedRecord['pins'] {
  return text === undefined ? undefined : (readPins(text) ?? 'unreadable');
}

function readDeleteOptions(text: string | undefined): FederatedRecord['deleteOptions'] {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return { value };
  } catch {
    // Falls to the sentence below.
  }
  return {
    problem: `metadata.annotations[${deleteOptionAnnotation}] is not a JSON object; write DeleteOptions such as {"propagationPolicy":"Orphan"}`,
  };
}
