import { scheduledCondition } from '../api/names.ts';
import type { KubeObject } from '../kube/index.ts';
import { kindLabel } from './federated-row.ts';
import { ageOf, type Column } from './table.ts';

/** One ReplicaSchedulingPreference, as tables show it. */
export interface PreferenceRow {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly target: string | undefined;
  readonly total: number | undefined;
  /** `eu-1=6,us-1=3` */
  readonly division: string | undefined;
  readonly unplaced: number | undefined;
  readonly age: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

export function preferenceRow(object: KubeObject, nowMs: number): PreferenceRow {
  const { metadata } = object;
  const spec = (object['spec'] ?? {}) as { readonly targetKind?: string; readonly totalReplicas?: number };
  const status = (object['status'] ?? {}) as {
    readonly clusters?: readonly { readonly name: string; readonly replicas: number }[];
    readonly unplaced?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
  const condition = status.conditions?.find(({ type }) => type === scheduledCondition);
  return {
    kind: kindLabel(object),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    target: spec.targetKind,
    total: spec.totalReplicas,
    division: status.clusters?.map(({ name, replicas }) => `${name}=${replicas}`).join(','),
    unplaced: status.unplaced,
    age: ageOf(metadata.creationTimestamp, nowMs),
    reason: condition?.reason ?? (condition ? undefined : 'NotSeen'),
    message: condition?.message,
  };
}

export function preferenceColumns({
  kind,
  namespace,
}: {
  readonly kind: boolean;
  readonly namespace: boolean;
}): readonly Column<PreferenceRow>[] {
  return [
    ...(namespace ? [{ heading: 'NAMESPACE', cell: (row: PreferenceRow) => row.namespace }] : []),
    ...(kind ? [{ heading: 'KIND', cell: (row: PreferenceRow) => row.kind }] : []),
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'TARGET', cell: ({ target }) => target },
    { heading: 'TOTAL', cell: ({ total }) => total, align: 'right' },
    { heading: 'UNPLACED', cell: ({ unplaced }) => unplaced, align: 'right' },
    { heading: 'AGE', cell: ({ age }) => age, align: 'right' },
    { heading: 'REASON', cell: ({ reason }) => reason },
    { heading: 'DIVISION', cell: ({ division }) => division },
    { heading: 'MESSAGE', cell: ({ message }) => message, wide: true },
  ];
}
