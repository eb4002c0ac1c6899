import type { StrategyStep } from '../../../api/shipper.booking.com/v1alpha1/release-environment.ts';
import { checkStage, numbersOf, type ReleaseTargets, type TargetPatch } from './check-stage.ts';
import { type Stage, stagesOf } from './stages.ts';
import {
  conditionOfStage,
  setStrategyCondition,
  type StrategyCondition,
  withoutIncumbent,
} from './strategy-conditions.ts';
import { type StrategyState, strategyState } from './strategy-state.ts';

export interface StrategyInput {
  /** Of the newest release: any other follows its successor's. */
  readonly steps: readonly StrategyStep[];
  readonly targetStep: number;
  readonly isSteppingBackwards: boolean;
  readonly self: ReleaseTargets;
  readonly predecessor: ReleaseTargets | undefined;
  /** Undefined for the newest release. */
  readonly successor: { readonly hasAchievedTargetStep: boolean } | undefined;
  /** As the release has them. */
  readonly conditions: readonly StrategyCondition[];
  readonly now: string;
}

export type StrategyOutcome =
  /** Nothing to do before the successor has reached its step. */
  | { readonly kind: 'waits-for-successor' }
  /** See `strategyProblem` for what to tell. */
  | { readonly kind: 'no-such-step' }
  | {
      readonly kind: 'looked';
      /** Stops where the step stands; undefined when it is achieved. */
      readonly stoppedAt: Stage | undefined;
      /** At most one: the stage that it stopped at is the only one that moves. */
      readonly patches: readonly TargetPatch[];
      readonly isStepAchieved: boolean;
      /** The last step is achieved. */
      readonly isReleaseComplete: boolean;
      /** By type. */
      readonly conditions: readonly StrategyCondition[];
      readonly state: StrategyState;
    };

/** Looks at the stages of a step, in order, up to the first that is not achieved, and tells what to change there. */
export function executeStrategy(input: StrategyInput): StrategyOutcome {
  const { steps, targetStep, self, predecessor, successor, now } = input;
  const step = steps[targetStep];
  if (step === undefined) return { kind: 'no-such-step' };
  const stages = stagesOf({ ...input, hasPredecessor: predecessor !== undefined });
  if (stages === undefined) return { kind: 'waits-for-successor' };

  const isHead = successor === undefined;
  const hasIncumbent = isHead && predecessor !== undefined;
  let conditions = hasIncumbent ? input.conditions : withoutIncumbent(input.conditions);
  let stoppedAt: Stage | undefined;
  const patches: TargetPatch[] = [];
  for (const stage of stages) {
    const targets = stage.of === 'self' ? self : predecessor;
    if (targets === undefined) continue;
    const role = stage.of === 'self' && isHead ? 'contender' : 'incumbent';
    const check = checkStage(stage, targets, numbersOf(step, role));
    conditions = setStrategyCondition(
      conditions,
      {
        type: conditionOfStage(stage),
        step: targetStep,
        ...(check.kind === 'achieved'
          ? { status: 'True' }
          : { status: 'False', reason: 'ClustersNotReady', message: check.message }),
      },
      now,
    );
    if (check.kind === 'not-achieved') {
      stoppedAt = stage;
      if (check.patch) patches.push(check.patch);
      break;
    }
  }

  const isLastStep = targetStep === steps.length - 1;
  const isStepAchieved = stoppedAt === undefined;
  return {
    kind: 'looked',
    stoppedAt,
    patches,
    isStepAchieved,
    isReleaseComplete: isStepAchieved && isLastStep,
    conditions,
    state: strategyState(conditions, { step: targetStep, isLastStep, isHead, hasIncumbent }),
  };
}
