import { propagationCondition } from '../api/names.ts';
import type { FederatedStatus } from '../api/shared/federated-status.ts';
import type { KubeObject } from '../kube/index.ts';
import { ageOf, type Column } from './table.ts';

/** One federated object, as tables show it: clusters counted by state. */
export interface FederatedRow {
  /** With the group added where it isn't today's: the same kind is served in two groups. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent until the controller has looked at the object. */
  readonly counts: StateCounts | undefined;
  /** `8/8`, for kinds with replicas. */
  readonly ready: string | undefined;
  readonly age: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

export interface StateCounts {
  readonly selected: number;
  readonly inSync: number;
  /** Work is under way there. */
  readonly waiting: number;
  /** Something is wrong there; it is tried again. */
  readonly failing: number;
}

/** Reads a federated object of either group; a status that is missing or old is told as such. */
export function federatedRow(object: KubeObject, nowMs: number): FederatedRow {
  const { metadata } = object;
  const status = federatedStatusOf(object);
  const condition = status?.conditions?.find(({ type }) => type === propagationCondition);
  const pending = pendingReason(object, status);
  return {
    kind: kindLabel(object),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    counts: status && stateCounts(status),
    ready: readyText(status),
    age: ageOf(metadata.creationTimestamp, nowMs),
    reason: pending?.reason ?? condition?.reason,
    message: pending?.message ?? condition?.message,
  };
}

export function federatedStatusOf(object: KubeObject): FederatedStatus | undefined {
  return object['status'] as FederatedStatus | undefined;
}

const groupOf2019 = /(^|\.)(federation\.k8s\.io)\//;

/** `FederatedDeployment`, and `FederatedDeployment.federation.k8s.io` for the shape of 2019. */
export function kindLabel({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  const old = groupOf2019.exec(apiVersion)?.[2];
  return old ? `${kind}.${old}` : kind;
}

/** Why the status can't be taken for the object as it is now. */
export function pendingReason(
  { metadata }: KubeObject,
  status: FederatedStatus | undefined,
): { readonly reason: string; readonly message: string } | undefined {
  if (metadata.deletionTimestamp) return { reason: 'Deleting', message: 'the object is being deleted' };
  if (!status?.conditions) {
    return {
      reason: 'NotSeen',
      message: 'no controller has looked at the object: is "hansa controller" running?',
    };
  }
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { reason: 'Outdated', message: 'the last change of the object has not been looked at yet' };
  }
  return undefined;
}

const waitingStates: readonly string[] = ['Waiting', 'WaitingForRemoval'];

export function isWaiting(state: string | undefined): boolean {
  return state !== undefined && waitingStates.includes(state);
}

function stateCounts({ clusters = [], summary }: FederatedStatus): StateCounts {
  const states = clusters.map(({ status }) => status);
  const inSync = summary?.inSync ?? states.filter((state) => state === undefined).length;
  const waiting = states.filter(isWaiting).length;
  return {
    selected: summary?.selected ?? clusters.length,
    inSync,
    waiting,
    failing: states.filter((state) => state !== undefined).length - waiting,
  };
}

function readyText(status: FederatedStatus | undefined): string | undefined {
  const { readyReplicas, replicas } = status?.summary ?? {};
  return replicas === undefined ? undefined : `${readyReplicas ?? 0}/${replicas}`;
}

/** A column a state, then what a person asks next. */
export function federatedColumns({
  kind,
  namespace,
}: {
  readonly kind: boolean;
  readonly namespace: boolean;
}): readonly Column<FederatedRow>[] {
  const count = (heading: string, field: keyof StateCounts): Column<FederatedRow> => ({
    heading,
    align: 'right',
    cell: ({ counts }) => counts?.[field],
  });
  return [
    ...(namespace ? [{ heading: 'NAMESPACE', cell: (row: FederatedRow) => row.namespace }] : []),
    ...(kind ? [{ heading: 'KIND', cell: (row: FederatedRow) => row.kind }] : []),
    { heading: 'NAME', cell: ({ name }) => name },
    count('SELECTED', 'selected'),
    count('IN-SYNC', 'inSync'),
    count('WAITING', 'waiting'),
    count('FAILING', 'failing'),
    { heading: 'READY', cell: ({ ready }) => ready, align: 'right' },
    { heading: 'AGE', cell: ({ age }) => age, align: 'right' },
    { heading: 'REASON', cell: ({ reason }) => reason },
    { heading: 'MESSAGE', cell: ({ message }) => message, wide: true },
  ];
}
