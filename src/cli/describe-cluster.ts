import type { KubeObject } from '../kube/index.ts';
import { type ClusterRow, clusterRow, labelsText } from './cluster-row.ts';
import {
  type DescribedCondition,
  describedConditions,
  fields,
  joinSections,
  renderConditions,
  section,
} from './describe-federated.ts';
import { type EventRow, eventRow, eventsTable } from './event-row.ts';
import { federatedStatusOf, kindLabel } from './federated-row.ts';

/** A member: its record, and what it holds up. */
export interface ClusterDescription {
  readonly row: ClusterRow;
  readonly secretName: string | undefined;
  /** Absent if the token does not expire, or another tool keeps it. */
  readonly tokenExpiresAt: string | undefined;
  /** Certificates that are not checked. */
  readonly disabledTlsValidations: readonly string[];
  readonly proxyUrl: string | undefined;
  readonly conditions: readonly DescribedCondition[];
  readonly troubles: readonly ClusterTrouble[];
  readonly events: readonly EventRow[];
}

/** A federated object that is not in sync in this cluster. */
export interface ClusterTrouble {
  readonly object: string;
  readonly state: string;
  readonly message: string | undefined;
}

export function describeCluster({
  object,
  tokenExpiresAt,
  federated,
  events,
  nowMs,
}: {
  readonly object: KubeObject;
  readonly tokenExpiresAt: string | undefined;
  readonly federated: readonly KubeObject[];
  readonly events: readonly KubeObject[];
  readonly nowMs: number;
}): ClusterDescription {
  const spec = (object['spec'] ?? {}) as {
    readonly secretRef?: { readonly name?: string };
    readonly disabledTLSValidations?: readonly string[];
    readonly proxyURL?: string;
  };
  const status = object['status'] as
    | { readonly conditions?: Parameters<typeof describedConditions>[0] }
    | undefined;
  return {
    row: clusterRow(object, nowMs),
    secretName: spec.secretRef?.name,
    tokenExpiresAt,
    disabledTlsValidations: spec.disabledTLSValidations ?? [],
    proxyUrl: spec.proxyURL,
    conditions: describedConditions(status?.conditions, nowMs),
    troubles: federated.flatMap((each) => troublesIn(each, object.metadata.name)),
    events: events.map((event) => eventRow(event, nowMs)),
  };
}

function troublesIn(object: KubeObject, cluster: string): ClusterTrouble[] {
  return (federatedStatusOf(object)?.clusters ?? [])
    .filter(({ name, status }) => name === cluster && status !== undefined)
    .map(({ status = '', message }) => ({
      object: `${kindLabel(object)} ${object.metadata.namespace}/${object.metadata.name}`,
      state: status,
      message,
    }));
}

const shownTroubles = 20;

export function renderCluster(description: ClusterDescription): string {
  const { row, troubles, conditions, events } = description;
  const hidden = troubles.length - shownTroubles;
  return joinSections([
    fields([
      ['Name', row.name],
      ['Alias', row.alias],
      ['Labels', labelsText(row.labels)],
      ['Endpoint', row.endpoint],
      ['Proxy', description.proxyUrl],
      ['Not checked', description.disabledTlsValidations.join(', ')],
      ['Secret', description.secretName],
      ['Token until', description.tokenExpiresAt],
      ['Version', row.version],
      ['Ready', row.ready],
      ['Age', row.age],
      ['Trouble', row.message],
    ]),
    renderConditions(conditions),
    section(
      `Not in sync here${hidden > 0 ? ` (${hidden} more)` : ''}`,
      [
        { heading: 'OBJECT', cell: ({ object }) => object },
        { heading: 'STATE', cell: ({ state }) => state },
        { heading: 'MESSAGE', cell: ({ message }) => message },
      ],
      troubles.slice(0, shownTroubles),
    ),
    eventsTable(events),
  ]);
}
