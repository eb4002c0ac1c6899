import type { KubeObject } from '../kube/index.ts';
import {
  type DescribedCondition,
  describedConditions,
  fields,
  joinSections,
  renderConditions,
} from './describe-federated.ts';
import { type EventRow, eventRow, eventsTable } from './event-row.ts';
import { renderRolloutTree } from './rollout/render-tree.ts';
import { isUpToDate, type RolloutObject } from './rollout/rollout-object.ts';
import { type RolloutRow, rolloutRow } from './rollout/rollout-row.ts';

/** A Rollout with its tree, its conditions and what happened. */
export interface RolloutDescription {
  readonly row: RolloutRow;
  readonly status: RolloutObject['status'];
  /** As lines without colour. */
  readonly tree: readonly string[];
  readonly conditions: readonly DescribedCondition[];
  readonly events: readonly EventRow[];
}

const treeWidth = 120;

export function describeRollout({
  object,
  events,
  nowMs,
}: {
  readonly object: KubeObject;
  readonly events: readonly KubeObject[];
  readonly nowMs: number;
}): RolloutDescription {
  const rollout = object as RolloutObject;
  const { metadata, spec, status } = rollout;
  return {
    row: rolloutRow(rollout, nowMs),
    status,
    tree: renderRolloutTree({
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      spec,
      status,
      upToDate: isUpToDate(rollout),
      nowMs,
      width: treeWidth,
      colour: false,
    }),
    conditions: describedConditions(status?.conditions, nowMs),
    events: events.map((event) => eventRow(event, nowMs)),
  };
}

export function renderRollout({ row, tree, conditions, events }: RolloutDescription): string {
  return joinSections([
    fields([
      ['Name', row.name],
      ['Namespace', row.namespace],
      ['Kind', 'Rollout (rollout.hansa.dev)'],
      ['Mode', row.mode],
      ['Age', row.age],
    ]),
    tree.join('\n'),
    renderConditions(conditions),
    eventsTable(events),
  ]);
}
