import { toHub } from '../api/convert/to-hub.ts';
import type { HubPlacement } from '../api/hub.ts';
import type { KubeObject } from '../kube/index.ts';
import type { Member } from '../scheduling/index.ts';
import { type AppliedOverride, appliedOverrides } from './applied-overrides.ts';
import { type EventRow, eventRow, eventsTable } from './event-row.ts';
import { type FederatedRow, federatedRow, federatedStatusOf, pendingReason } from './federated-row.ts';
import { ageOf, type Column, plain, renderTable } from './table.ts';

/** A federated object cluster by cluster: what `hansa describe` shows. */
export interface FederatedDescription {
  readonly apiVersion: string;
  readonly kind: string;
  readonly row: FederatedRow;
  /** Why the rest may not hold for the object as it is now. */
  readonly pending: string | undefined;
  readonly placement: string;
  readonly clusters: readonly DescribedCluster[];
  readonly overrides: readonly AppliedOverride[];
  /** What is wrong with the object itself. */
  readonly problems: readonly string[];
  readonly conditions: readonly DescribedCondition[];
  readonly events: readonly EventRow[];
}

export interface DescribedCluster {
  readonly name: string;
  /** `OK`, or the state's name. */
  readonly state: string;
  /** How long it has been so. */
  readonly since: string | undefined;
  readonly ready: string | undefined;
  readonly message: string | undefined;
}

export interface DescribedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string | undefined;
  readonly since: string | undefined;
  readonly message: string | undefined;
}

export interface DescribeFederatedInput {
  readonly object: KubeObject;
  readonly members: readonly Member[];
  readonly events: readonly KubeObject[];
  readonly nowMs: number;
}

/** Puts together what the object, the members and the events say. */
export function describeFederated({
  object,
  members,
  events,
  nowMs,
}: DescribeFederatedInput): FederatedDescription {
  const status = federatedStatusOf(object);
  const parsed = toHub(object);
  const clusters = (status?.clusters ?? []).map((cluster) => ({
    name: cluster.name,
    state: cluster.status ?? 'OK',
    since: ageOf(cluster.lastTransitionTime, nowMs),
    ready: cluster.replicas === undefined ? undefined : `${cluster.readyReplicas ?? 0}/${cluster.replicas}`,
    message: cluster.message,
  }));
  const held = new Set(clusters.map(({ name }) => name));
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    row: federatedRow(object, nowMs),
    pending: pendingReason(object, status)?.message,
    placement: parsed.ok ? placementText(parsed.hub.placement) : 'unreadable',
    clusters,
    overrides: parsed.ok
      ? appliedOverrides(parsed.hub, members).filter(({ cluster }) => held.has(cluster))
      : [],
    problems: parsed.ok ? [] : parsed.problems.map(({ field, message }) => `${field}: ${message}`),
    conditions: describedConditions(status?.conditions, nowMs),
    events: events.map((event) => eventRow(event, nowMs)),
  };
}

interface WireCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export function describedConditions(
  conditions: readonly WireCondition[] | undefined,
  nowMs: number,
): readonly DescribedCondition[] {
  return (conditions ?? []).map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    reason,
    since: ageOf(lastTransitionTime, nowMs),
    message,
  }));
}

/** Which rule selects clusters, in words. */
function placementText({ clusters, clusterSelector }: HubPlacement): string {
  if (clusters) {
    const names = clusters.map(({ name }) => name).join(', ') || 'none, since the list is empty';
    return clusterSelector ? `clusters ${names} (the list wins over clusterSelector)` : `clusters ${names}`;
  }
  if (!clusterSelector) return 'none: neither clusters nor clusterSelector is set';
  const { matchLabels = {}, matchExpressions = [] } = clusterSelector;
  const parts = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) =>
      [key, operator, values.length > 0 ? `(${values.join(', ')})` : ''].filter(Boolean).join(' '),
    ),
  ];
  return parts.length > 0 ? `clusters with ${parts.join(' and ')}` : 'every cluster (the selector is empty)';
}

const clusterColumns: readonly Column<DescribedCluster>[] = [
  { heading: 'CLUSTER', cell: ({ name }) => name },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'SINCE', cell: ({ since }) => since, align: 'right' },
  { heading: 'READY', cell: ({ ready }) => ready, align: 'right' },
  { heading: 'MESSAGE', cell: ({ message }) => message },
];

const overrideColumns: readonly Column<AppliedOverride>[] = [
  { heading: 'CLUSTER', cell: ({ cluster }) => cluster },
  { heading: 'OP', cell: ({ op }) => op },
  { heading: 'PATH', cell: ({ path }) => path },
  { heading: 'VALUE', cell: ({ value }) => value },
  { heading: 'BY', cell: ({ by }) => by },
];

const conditionColumns: readonly Column<DescribedCondition>[] = [
  { heading: 'TYPE', cell: ({ type }) => type },
  { heading: 'STATUS', cell: ({ status }) => status },
  { heading: 'REASON', cell: ({ reason }) => reason },
  { heading: 'SINCE', cell: ({ since }) => since, align: 'right' },
  { heading: 'MESSAGE', cell: ({ message }) => message },
];

export function renderFederated(description: FederatedDescription): string {
  const { row, kind, apiVersion, placement, clusters, overrides, problems, conditions, events } = description;
  const counts = row.counts
    ? `${row.counts.selected} selected, ${row.counts.inSync} in sync, ${row.counts.waiting} waiting, ${row.counts.failing} failing`
    : undefined;
  return joinSections([
    fields([
      ['Name', row.name],
      ['Namespace', row.namespace],
      ['Kind', `${kind} (${apiVersion})`],
      ['Age', row.age],
      ['Placement', placement],
      ['Clusters', counts],
      ['Ready', row.ready],
      ['Note', description.pending],
    ]),
    problems.length > 0 ? `Problems\n${problems.map((problem) => `  ${plain(problem)}`).join('\n')}` : '',
    section('Clusters', clusterColumns, clusters),
    section('Overrides', overrideColumns, overrides),
    renderConditions(conditions),
    eventsTable(events),
  ]);
}

export function renderConditions(conditions: readonly DescribedCondition[]): string {
  return section('Conditions', conditionColumns, conditions);
}

/** `Name:  web`, values below each other; what is absent is left out. */
export function fields(pairs: readonly (readonly [string, string | undefined])[]): string {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length)) + 1;
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)}  ${plain(value)}`).join('\n');
}

export function section<Row>(title: string, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const table = renderTable(columns, rows);
  return `${title}\n${table.replace(/^/gm, '  ')}`;
}

export function joinSections(sections: readonly string[]): string {
  return sections.filter(Boolean).join('\n\n');
}
