import { byBytes } from './byte-order.ts';

/** One condition that pods have, and their containers. */
export interface ConditionSeen {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly podCount: number;
  readonly containers: readonly ContainerStateSeen[];
}

export interface ContainerStateSeen {
  readonly name: string;
  readonly pod: string;
  readonly state: string;
  readonly reason: string;
  readonly message: string;
}

export interface CapacityReport {
  readonly owner: { readonly name: string };
  readonly breakdown: readonly ConditionBreakdown[];
}

export interface ConditionBreakdown {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly count: number;
  readonly containers: readonly ContainerBreakdown[];
}

export interface ContainerBreakdown {
  readonly name: string;
  readonly states: readonly StateBreakdown[];
}

export interface StateBreakdown {
  readonly count: number;
  readonly type: string;
  readonly reason?: string;
  /** The first pod that had it. */
  readonly example: { readonly pod: string; readonly message?: string };
}

/** How many pods of a Deployment have which conditions, and their containers which states. */
export function reportCapacity(owner: string, seen: readonly ConditionSeen[]): CapacityReport {
  const groups = groupBy(seen, ({ type, status, reason }) => JSON.stringify([type, status, reason]));
  return {
    owner: { name: owner },
    breakdown: groups.map(breakdownOf).toSorted(
      (a, b) =>
        byBytes(a.type, b.type) ||
        byBytes(a.status, b.status) ||
        // Shipper leaves these in no order; a status that changes on its own would be written for ever.
        byBytes(a.reason ?? '', b.reason ?? ''),
    ),
  };
}

function breakdownOf(group: readonly [ConditionSeen, ...ConditionSeen[]]): ConditionBreakdown {
  const [{ type, status, reason }] = group;
  const containers = group.flatMap((each) => each.containers);
  return {
    type,
    status,
    ...(reason === '' ? {} : { reason }),
    count: group.reduce((sum, { podCount }) => sum + podCount, 0),
    containers: groupBy(containers, ({ name }) => name)
      .map((states) => ({ name: states[0].name, states: statesOf(states) }))
      .toSorted((a, b) => byBytes(a.name, b.name)),
  };
}

function statesOf(containers: readonly ContainerStateSeen[]): readonly StateBreakdown[] {
  return groupBy(containers, ({ state, reason }) => JSON.stringify([state, reason]))
    .map(([first, ...others]) => ({
      count: 1 + others.length,
      type: first.state,
      ...(first.reason === '' ? {} : { reason: first.reason }),
      example: { pod: first.pod, ...(first.message === '' ? {} : { message: first.message }) },
    }))
    .toSorted((a, b) => byBytes(a.type, b.type));
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): readonly [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return [...groups.values()];
}
