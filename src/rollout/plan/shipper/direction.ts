import type { StrategyStep } from '../../../api/shipper.booking.com/v1alpha1/release-environment.ts';

/** Whether a release goes back, as Shipper has it: from a step that it achieved to one before. */
export function isSteppingBackwards(achievedStep: number | undefined, targetStep: number): boolean {
  return achievedStep !== undefined && achievedStep > targetStep;
}

/** What one release was last told to have in one cluster. */
export interface NumbersInEffect {
  readonly percent: number;
  readonly weight: number;
}

/**
 * Whether going to a step takes something away from the contender or gives something back to the incumbent.
 * This sees a retreat from a step that was commanded and never achieved, which Shipper takes for a way
 * forward: it would lower the contender before the incumbent is back.
 */
export function isRetreat(
  { capacity, traffic }: StrategyStep,
  contender: readonly NumbersInEffect[],
  incumbent: readonly NumbersInEffect[],
): boolean {
  return (
    contender.some(({ percent, weight }) => percent > capacity.contender || weight > traffic.contender) ||
    incumbent.some(({ percent, weight }) => percent < capacity.incumbent || weight < traffic.incumbent)
  );
}
