import type { StrategyConditionType } from '../../../api/shipper.booking.com/v1alpha1/names.ts';
import type { ConditionStatus, StrategyCondition } from './strategy-conditions.ts';

/** status.strategy.state of a Release: what it waits for. */
export interface StrategyState {
  readonly waitingForInstallation: ConditionStatus;
  readonly waitingForCapacity: ConditionStatus;
  readonly waitingForTraffic: ConditionStatus;
  readonly waitingForCommand: ConditionStatus;
}

export interface StateInput {
  readonly step: number;
  readonly isLastStep: boolean;
  readonly isHead: boolean;
  readonly hasIncumbent: boolean;
}

/**
 * What a release waits for, from the conditions that are True for this very step. Always in the order of
 * going forward, as in Shipper: on the way back it may say capacity where it waits for traffic.
 */
export function strategyState(
  conditions: readonly StrategyCondition[],
  { step, isLastStep, isHead, hasIncumbent }: StateInput,
): StrategyState {
  const has = (type: StrategyConditionType) =>
    conditions.some((each) => each.type === type && each.step === step && each.status === 'True');
  const isInstalled = has('ContenderAchievedInstallation');
  const hasCapacity = isInstalled && has('ContenderAchievedCapacity');
  const isContenderThere = hasCapacity && has('ContenderAchievedTraffic');
  const isIncumbentDue = hasIncumbent && isContenderThere && !has('IncumbentAchievedCapacity');
  const hasIncumbentTraffic = has('IncumbentAchievedTraffic');

  const waitsForCapacity = (isInstalled && !hasCapacity) || (isIncumbentDue && hasIncumbentTraffic);
  const waitsForTraffic = (hasCapacity && !isContenderThere) || (isIncumbentDue && !hasIncumbentTraffic);
  const waitsForCommand = isHead && !isLastStep && isInstalled && !waitsForCapacity && !waitsForTraffic;
  return {
    waitingForInstallation: asStatus(!isInstalled),
    waitingForCapacity: asStatus(waitsForCapacity),
    waitingForTraffic: asStatus(waitsForTraffic),
    waitingForCommand: asStatus(waitsForCommand),
  };
}

function asStatus(value: boolean): ConditionStatus {
  return value ? 'True' : 'False';
}
