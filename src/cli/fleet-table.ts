import type { KubeObject } from '../kube/index.ts';
import { federatedStatusOf, isWaiting, kindLabel, pendingReason } from './federated-row.ts';
import type { Column } from './table.ts';

/** One federated object and where it stands in each cluster: a line of the table clusters × workloads. */
export interface FleetRow {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** By cluster name; absent where the object isn't meant to be. */
  readonly cells: ReadonlyMap<string, FleetCell>;
  /** Every cluster that shall hold the object holds it, and each replica is ready. */
  readonly complete: boolean;
}

export interface FleetCell {
  readonly state: 'in-sync' | 'waiting' | 'failing';
  /** For kinds with replicas. */
  readonly replicas?: number;
  readonly readyReplicas?: number;
  /** In short: `3/5`, `ok`, or the state's name. */
  readonly text: string;
  readonly message?: string;
}

/** Reads the statuses of federated objects; nothing is asked of the members. */
export function fleetRows(objects: readonly KubeObject[]): readonly FleetRow[] {
  return objects.map((object) => {
    const status = federatedStatusOf(object);
    const cells = new Map((status?.clusters ?? []).map((cluster) => [cluster.name, fleetCell(cluster)]));
    const allThere = cells.size > 0 && [...cells.values()].every(isComplete);
    return {
      kind: kindLabel(object),
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
      cells,
      complete: allThere && pendingReason(object, status) === undefined,
    };
  });
}

function fleetCell({
  status,
  message,
  replicas,
  readyReplicas,
}: {
  readonly status?: string;
  readonly message?: string;
  readonly replicas?: number;
  readonly readyReplicas?: number;
}): FleetCell {
  const state = status === undefined ? 'in-sync' : isWaiting(status) ? 'waiting' : 'failing';
  const numbers = replicas === undefined ? undefined : `${readyReplicas ?? 0}/${replicas}`;
  return {
    state,
    ...(replicas === undefined ? {} : { replicas, readyReplicas: readyReplicas ?? 0 }),
    text: status ?? numbers ?? 'ok',
    ...(message === undefined ? {} : { message }),
  };
}

function isComplete({ state, replicas, readyReplicas }: FleetCell): boolean {
  return state === 'in-sync' && readyReplicas === replicas;
}

/** A column a cluster. */
export function fleetColumns(clusters: readonly string[]): readonly Column<FleetRow>[] {
  return [
    { heading: 'WORKLOAD', cell: ({ kind, namespace, name }) => `${kind} ${namespace}/${name}` },
    ...clusters.map(
      (cluster): Column<FleetRow> => ({
        heading: cluster,
        cell: ({ cells }) => cells.get(cluster)?.text,
        align: 'right',
      }),
    ),
  ];
}
