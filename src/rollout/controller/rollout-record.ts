import {
  type RolloutSpec,
  type RolloutStatus,
  rolloutAddress,
  rolloutSchema,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { abortReasonAnnotation, rolloutFinalizer } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { Cached, KubeObject } from '../../kube/index.ts';

/** A Rollout as the controller keeps it. */
export interface RolloutRecord extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly hasFinalizer: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Why a person took a revision back: `<revision>: <words> (<who>)`. */
  readonly abortReason: string | undefined;
  /** Uid of the federated object that it was made for. */
  readonly controller: string | undefined;
  readonly spec:
    | { readonly ok: true; readonly value: RolloutSpec }
    | { readonly ok: false; readonly message: string };
  readonly status: RolloutStatus | undefined;
}

export function rolloutRecord(object: KubeObject): RolloutRecord {
  const { metadata } = object;
  const parsed = rolloutSchema.shape.spec.safeParse(object['spec']);
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    createdAt: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
    hasFinalizer: metadata.finalizers?.includes(rolloutFinalizer) ?? false,
    labels: metadata.labels ?? {},
    abortReason: metadata.annotations?.[abortReasonAnnotation],
    controller: metadata.ownerReferences?.find(({ controller }) => controller)?.uid,
    spec: parsed.success
      ? { ok: true, value: parsed.data }
      : {
          ok: false,
          message: parsed.error.issues
            .map(({ path, message }) => `${['spec', ...path.map(String)].join('.')}: ${message}`)
            .join('; '),
        },
    // Ours alone, so it is what was written.
    status: object['status'] as RolloutStatus | undefined,
  };
}

/** For events and owner references. */
export function subjectOf({ namespace, name, uid }: RolloutRecord) {
  const { group, version, kind } = rolloutAddress;
  return { apiVersion: `${group}/${version}`, kind, namespace, name, uid };
}
