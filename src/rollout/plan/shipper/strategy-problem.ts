export interface StrategyOfRelease {
  readonly stepCount: number;
  readonly targetStep: number;
}

export interface StrategyProblem {
  readonly kind: 'inconsistent-target-step' | 'no-such-step';
  readonly message: string;
}

/**
 * Why a strategy cannot be worked on, for StrategyExecuted with the reason StrategyExecutionFailed. Trying
 * again is of no use: a person must set targetStep.
 */
export function strategyProblem(
  /** `namespace/name`. */
  release: string,
  own: StrategyOfRelease,
  successor: StrategyOfRelease | undefined,
): StrategyProblem | undefined {
  const last = own.stepCount - 1;
  // Someone set an old release's step: carried out, it would take traffic from the newest.
  if (successor && own.targetStep !== last) {
    return {
      kind: 'inconsistent-target-step',
      message: `Release ${release} target step is inconsistent: unexpected value ${own.targetStep} (expected: ${last})`,
    };
  }
  const { stepCount, targetStep } = successor ?? own;
  if (targetStep >= stepCount) {
    return {
      kind: 'no-such-step',
      message: `no step ${targetStep} in strategy for Release "${release}"`,
    };
  }
  return undefined;
}
