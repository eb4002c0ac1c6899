import type { StrategyStep } from '../../../api/shipper.booking.com/v1alpha1/release-environment.ts';
import { isSteppingBackwards, type NumbersInEffect } from '../shipper/index.ts';

/**
 * Whether a step is to be reached by the way back, which gives to the incumbent before it takes from the contender.
 *
 * Shipper looks at the achieved step alone, so that a retreat from a step that was never finished took the contender's
 * pods first, with the incumbent already reduced. Here the numbers in effect count as well: whoever must grow does so
 * before another shrinks.
 */
export function goesBack(
  step: StrategyStep,
  { achievedStep, targetStep }: { readonly achievedStep: number | undefined; readonly targetStep: number },
  contender: readonly NumbersInEffect[],
  incumbent: readonly NumbersInEffect[],
): boolean {
  const { capacity, traffic } = step;
  const contenderGrows = contender.some(
    ({ percent, weight }) => percent < capacity.contender || weight < traffic.contender,
  );
  // The way back ends with capacity: what still has to grow would be left without traffic.
  if (isSteppingBackwards(achievedStep, targetStep) && !contenderGrows) return true;
  const contenderShrinks = contender.some(
    ({ percent, weight }) => percent > capacity.contender || weight > traffic.contender,
  );
  const incumbentGrows = incumbent.some(
    ({ percent, weight }) => percent < capacity.incumbent || weight < traffic.incumbent,
  );
  const incumbentShrinks = incumbent.some(
    ({ percent, weight }) => percent > capacity.incumbent || weight > traffic.incumbent,
  );
  return incumbentGrows || (contenderShrinks && !incumbentShrinks);
}
