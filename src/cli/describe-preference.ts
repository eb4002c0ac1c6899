import type { KubeObject } from '../kube/index.ts';
import {
  type DescribedCondition,
  describedConditions,
  fields,
  joinSections,
  renderConditions,
  section,
} from './describe-federated.ts';
import { type EventRow, eventRow, eventsTable } from './event-row.ts';
import { type PreferenceRow, preferenceRow } from './preference-row.ts';

/** A ReplicaSchedulingPreference, cluster by cluster, with the rule that led to each number. */
export interface PreferenceDescription {
  readonly apiVersion: string;
  readonly row: PreferenceRow;
  readonly division: readonly {
    readonly name: string;
    readonly replicas: number;
    readonly because?: string;
  }[];
  readonly overflow: Readonly<Record<string, number>>;
  readonly conditions: readonly DescribedCondition[];
  readonly events: readonly EventRow[];
}

export function describePreference({
  object,
  events,
  nowMs,
}: {
  readonly object: KubeObject;
  readonly events: readonly KubeObject[];
  readonly nowMs: number;
}): PreferenceDescription {
  const status = (object['status'] ?? {}) as {
    readonly clusters?: PreferenceDescription['division'];
    readonly overflow?: Readonly<Record<string, number>>;
    readonly conditions?: Parameters<typeof describedConditions>[0];
  };
  return {
    apiVersion: object.apiVersion,
    row: preferenceRow(object, nowMs),
    division: status.clusters ?? [],
    overflow: status.overflow ?? {},
    conditions: describedConditions(status.conditions, nowMs),
    events: events.map((event) => eventRow(event, nowMs)),
  };
}

export function renderPreference(description: PreferenceDescription): string {
  const { row, apiVersion, division, overflow, conditions, events } = description;
  return joinSections([
    fields([
      ['Name', row.name],
      ['Namespace', row.namespace],
      ['Kind', `ReplicaSchedulingPreference (${apiVersion})`],
      ['Age', row.age],
      ['Target', row.target && `${row.target} ${row.name}`],
      ['Total', row.total?.toString()],
      ['Unplaced', row.unplaced?.toString()],
    ]),
    section(
      'Division',
      [
        { heading: 'CLUSTER', cell: ({ name }) => name },
        { heading: 'REPLICAS', cell: ({ replicas }) => replicas, align: 'right' },
        { heading: 'OVERFLOW', cell: ({ name }) => overflow[name], align: 'right' },
        { heading: 'BECAUSE', cell: ({ because }) => because },
      ],
      division,
    ),
    renderConditions(conditions),
    eventsTable(events),
  ]);
}
