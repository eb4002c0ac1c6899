import { byBytes } from './byte-order.ts';

/** A condition of any of Shipper's kinds. */
export interface ShipperCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

/**
 * Conditions with one more, by type. The time stays with the status; a condition that says the same leaves
 * the list as it is, so that nothing is written.
 */
export function setCondition<Condition extends ShipperCondition>(
  conditions: readonly Condition[],
  condition: Condition,
  now: string,
): readonly Condition[] {
  const before = conditions.find(({ type }) => type === condition.type);
  if (before && saysTheSame(before, condition)) return conditions;
  const lastTransitionTime =
    before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : now;
  return [
    ...conditions.filter(({ type }) => type !== condition.type),
    { ...condition, lastTransitionTime },
  ].toSorted((a, b) => byBytes(a.type, b.type));
}

function saysTheSame(a: ShipperCondition, b: ShipperCondition): boolean {
  return (
    a.status === b.status && (a.reason ?? '') === (b.reason ?? '') && (a.message ?? '') === (b.message ?? '')
  );
}
