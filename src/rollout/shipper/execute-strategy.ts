import type { ReleaseStatus } from '../../api/shipper.booking.com/v1alpha1/release.ts';
import { HansaError } from '../../base/index.ts';
import {
  executeStrategy,
  isStrategyConditionType,
  type StrategyCondition,
  strategyProblem,
  type StrategyState,
} from '../plan/shipper/index.ts';
import { goesBack } from '../plan/shipper-door/direction.ts';
import type { HostStore } from './host-store.ts';
import type { Pending, Sight } from './observe.ts';
import { type AnyRecord, keyOfRecord, type ReleaseRecord } from './records.ts';
import { numbersInEffect, observeTargets, targetsOf } from './release-targets.ts';
import { subjectOf, type Tell } from './tell.ts';

export interface StrategyDeps {
  readonly store: HostStore;
  readonly sight: Sight;
  readonly tell: Tell;
}

/** A Release among the others of its Application. */
export interface Place {
  readonly release: ReleaseRecord;
  /** The complete one before; for the newest alone. */
  readonly predecessor: ReleaseRecord | undefined;
  readonly successor: ReleaseRecord | undefined;
  /**
   * The successor was just seen to be where it shall be. Its status alone does not say so: on the way back from a step
   * that was not finished it tells of the step before, and the two would move at once.
   */
  readonly isSuccessorSettled: boolean;
}

export type StrategyResult =
  | Pending
  /** Nothing to do, and nothing to tell. */
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'looked';
      readonly strategy: NonNullable<ReleaseStatus['strategy']>;
      /** Of the newest Release: the step that it has reached. */
      readonly achievedStep: { readonly step: number; readonly name: string } | undefined;
      readonly isComplete: boolean;
      readonly isSettled: boolean;
    };

/**
 * Goes one stage further with a Release, if the one before is achieved.
 * @throws HansaError StrategyExecutionFailed, if the target step is none; or those of the API
 */
export async function stepStrategy(
  { store, sight, tell }: StrategyDeps,
  { release, predecessor, successor, isSuccessorSettled }: Place,
  now: string,
  signal: AbortSignal,
): Promise<StrategyResult> {
  const leader = successor ?? release;
  const { steps } = leader.spec.environment.strategy;
  const { targetStep } = leader.spec;
  const problem = strategyProblem(
    keyOfRecord(release),
    strategyOf(release),
    successor && strategyOf(successor),
  );
  const step = steps[targetStep];
  if (problem || !step) {
    throw new HansaError(problem?.message ?? `no step ${targetStep} in strategy`, {
      reason: 'StrategyExecutionFailed',
      retry: 'never',
    });
  }
  const own = targetsOf(store, release);
  const before = predecessor && targetsOf(store, predecessor);
  if (!own || (predecessor && !before)) return { kind: 'pending' };
  const self = observeTargets(sight, own);
  if ('kind' in self) return self;
  const incumbent = before && observeTargets(sight, before);
  if (incumbent && 'kind' in incumbent) return incumbent;

  const isHead = successor === undefined;
  const outcome = executeStrategy({
    steps,
    targetStep,
    isSteppingBackwards:
      isHead &&
      goesBack(
        step,
        { achievedStep: release.status.achievedStep?.step, targetStep },
        numbersInEffect(own),
        before ? numbersInEffect(before) : [],
      ),
    self,
    predecessor: incumbent,
    successor: successor && { hasAchievedTargetStep: isSuccessorSettled && hasAchieved(successor) },
    conditions: conditionsOf(release),
    now,
  });
  switch (outcome.kind) {
    case 'waits-for-successor':
    case 'no-such-step':
      return { kind: 'idle' };
    case 'looked':
      break;
  }
  for (const patch of outcome.patches) {
    const value = patch.clusters.map((each) => ({ ...each }));
    const operations = [{ op: 'replace', path: '/spec/clusters', value }] as const;
    const targets = patch.release === release.metadata.name ? own : before;
    if (!targets) continue;
    if (patch.kind === 'capacity') await store.patch('capacity', targets.capacity, operations, signal);
    else await store.patch('traffic', targets.traffic, operations, signal);
    const number =
      patch.kind === 'capacity' ? `capacity ${patch.percent} %` : `traffic weight ${patch.weight}`;
    tell(subjectOf(release as AnyRecord), {
      type: 'Normal',
      reason: 'StrategyApplied',
      action: 'ExecuteStrategy',
      note: `step [${targetStep}] "${step.name}": "${patch.release}" gets ${number}`,
    });
  }
  return {
    kind: 'looked',
    strategy: {
      conditions: outcome.conditions.map((each) => ({ ...each })),
      state: { ...(outcome.state satisfies StrategyState) },
    },
    achievedStep: isHead && outcome.isStepAchieved ? { step: targetStep, name: step.name } : undefined,
    isComplete: isHead && outcome.isReleaseComplete,
    isSettled: outcome.isStepAchieved,
  };
}

function strategyOf({ spec }: ReleaseRecord) {
  return { stepCount: spec.environment.strategy.steps.length, targetStep: spec.targetStep };
}

function hasAchieved({ spec, status }: ReleaseRecord): boolean {
  return status.achievedStep?.step === spec.targetStep;
}

function conditionsOf({ status }: ReleaseRecord): readonly StrategyCondition[] {
  return (status.strategy?.conditions ?? []).flatMap((each) =>
    isStrategyConditionType(each.type) ? { ...each, type: each.type, step: each.step ?? 0 } : [],
  );
}
