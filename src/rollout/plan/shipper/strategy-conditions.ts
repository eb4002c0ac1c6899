import {
  type StrategyConditionType,
  strategyConditions,
} from '../../../api/shipper.booking.com/v1alpha1/names.ts';
import { byBytes } from './byte-order.ts';
import type { Stage } from './stages.ts';

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** A condition in status.strategy of a Release. */
export interface StrategyCondition {
  readonly type: StrategyConditionType;
  readonly status: ConditionStatus;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
  /** The step that the condition is about. */
  readonly step: number;
}

export function isStrategyConditionType(text: string): text is StrategyConditionType {
  return Object.hasOwn(strategyConditions, text);
}

/** The condition that tells of a stage. A release's own stages are told as the contender's, whatever it is. */
export function conditionOfStage({ target, of }: Stage): StrategyConditionType {
  switch (target) {
    case 'installation':
      return 'ContenderAchievedInstallation';
    case 'capacity':
      return of === 'self' ? 'ContenderAchievedCapacity' : 'IncumbentAchievedCapacity';
    case 'traffic':
      return of === 'self' ? 'ContenderAchievedTraffic' : 'IncumbentAchievedTraffic';
  }
}

/** Conditions with one more, by type. The time stays with the status: it is that of the last change. */
export function setStrategyCondition(
  conditions: readonly StrategyCondition[],
  condition: Omit<StrategyCondition, 'lastTransitionTime'>,
  now: string,
): readonly StrategyCondition[] {
  const before = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : now;
  return [
    ...conditions.filter(({ type }) => type !== condition.type),
    { ...condition, lastTransitionTime },
  ].toSorted((a, b) => byBytes(a.type, b.type));
}

/** The incumbent is only looked at by the newest release; any other must not tell what it did not check. */
export function withoutIncumbent(conditions: readonly StrategyCondition[]): readonly StrategyCondition[] {
  return conditions.filter(({ type }) => !type.startsWith('Incumbent'));
}
