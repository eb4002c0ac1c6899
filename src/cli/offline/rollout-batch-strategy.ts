import type { JsonObject } from '../../base/index.ts';
import {
  executeStrategy,
  hashEnvironment,
  hashEnvironmentJson,
  isSteppingBackwards,
  isStrategyConditionType,
  releaseName,
  type ReleaseTargets,
  resolveChartVersion,
  type StrategyCondition,
  type StrategyOutcome,
  stagesOf,
  strategyProblem,
  type TargetPatch,
} from '../../rollout/plan/shipper/index.ts';
import {
  CaseProblem,
  count,
  countOrNone,
  flag,
  isAbsent,
  mapAt,
  mapsAt,
  oneOf,
  text,
  textOrNone,
  textsAt,
} from './case-fields.ts';
import type { RolloutOps } from './rollout-batch-ops.ts';

export const strategyOps: RolloutOps = {
  execute: (input) => showOutcome(executeStrategy(readExecution(input))),

  pipeline: (input) => {
    const stages = stagesOf({
      hasPredecessor: flag(input['hasPredecessor'], 'input.hasPredecessor'),
      successor: successorOf(input),
      isSteppingBackwards: flag(input['steppingBackwards'], 'input.steppingBackwards'),
    });
    return { order: stages ? [...stages.map(({ target, of }) => `${target}(${of})`), 'state'] : [] };
  },

  steppingBackwards: (input) => {
    const achieved = countOrNone(input['achievedStep'], 'input.achievedStep');
    const target = count(input['targetStep'], 'input.targetStep');
    return { backwards: isSteppingBackwards(achieved, target) };
  },

  error: (input) => {
    const release = text(input['release'], 'input.release');
    const problem = strategyProblem(release, readStrategy(input, 'input'), successorStrategy(input, release));
    const condition = { type: 'StrategyExecuted' };
    if (!problem) return { condition: { ...condition, status: 'True' }, retry: false };
    return {
      condition: { ...condition, status: 'False', reason: 'StrategyExecutionFailed' },
      // Without the words that name the release, which are those of the object it is told on.
      messageContains: withoutRelease(problem.message, release),
      retry: false,
    };
  },

  releaseName: (input) => {
    const json = textOrNone(input['environmentJson'], 'input.environmentJson');
    const hash =
      json === undefined
        ? hashEnvironment(mapAt(input['environment'], 'input.environment'))
        : hashEnvironmentJson(json);
    const application = text(input['application'], 'input.application');
    return { hash, name: releaseName(application, hash, count(input['iteration'], 'input.iteration')) };
  },

  resolveChartVersion: (input) => {
    const found = resolveChartVersion(
      textsAt(input['index'], 'input.index'),
      textOrNone(input['constraint'], 'input.constraint') ?? '',
    );
    return found.kind === 'resolved' ? { version: found.version } : { error: found.message };
  },
};

function readExecution(input: JsonObject): Parameters<typeof executeStrategy>[0] {
  const total = countOrNone(input['totalReplicaCount'], 'input.totalReplicaCount') ?? 0;
  const steps = mapsAt(input['steps'], 'input.steps', readStep);
  const targetStep = count(input['targetStep'], 'input.targetStep');
  if (targetStep >= steps.length) {
    throw new CaseProblem('input.targetStep', `must be a step, from 0 to ${steps.length - 1}`);
  }
  const { incumbent } = input;
  return {
    steps,
    targetStep,
    isSteppingBackwards: flag(input['steppingBackwards'], 'input.steppingBackwards'),
    self: readTargets(input['contender'], 'contender', total),
    predecessor: isAbsent(incumbent) ? undefined : readTargets(incumbent, 'incumbent', total),
    successor: successorOf(input),
    conditions: mapsAt(input['conditions'], 'input.conditions', readCondition),
    now: '',
  };
}

function readStep(fields: JsonObject, field: string) {
  const shares = (name: string) => {
    const share = mapAt(fields[name], `${field}.${name}`);
    return {
      incumbent: count(share['incumbent'], `${field}.${name}.incumbent`),
      contender: count(share['contender'], `${field}.${name}.contender`),
    };
  };
  return {
    name: textOrNone(fields['name'], `${field}.name`) ?? '',
    capacity: shares('capacity'),
    traffic: shares('traffic'),
  };
}

/** The case gives one number for all clusters. */
function readTargets(value: unknown, release: string, totalReplicaCount: number): ReleaseTargets {
  const field = `input.${release}`;
  const fields = mapAt(value, field);
  const ready = (name: string) => ({
    isReady: isAbsent(fields[name]) || flag(fields[name], `${field}.${name}`),
    isCurrent: true,
    message: '',
  });
  const name = 'all';
  const percent = count(fields['percent'], `${field}.percent`);
  const weight = count(fields['weight'], `${field}.weight`);
  return {
    release,
    installation: ready('installed'),
    capacity: { ...ready('capReady'), clusters: [{ name, percent, totalReplicaCount }] },
    traffic: { ...ready('trafReady'), clusters: [{ name, weight }] },
  };
}

function readCondition(fields: JsonObject, field: string): StrategyCondition {
  const type = text(fields['type'], `${field}.type`);
  if (!isStrategyConditionType(type))
    throw new CaseProblem(`${field}.type`, 'must be a condition of a strategy');
  return {
    type,
    status: oneOf(statuses, fields['status'], `${field}.status`),
    step: countOrNone(fields['step'], `${field}.step`) ?? 0,
  };
}

const statuses = { True: 'True', False: 'False', Unknown: 'Unknown' } as const;

function successorOf(input: JsonObject) {
  if (!flag(input['hasSuccessor'], 'input.hasSuccessor')) return undefined;
  const field = 'successorAchievedItsTargetStep';
  return { hasAchievedTargetStep: flag(input[field], `input.${field}`) };
}

function showOutcome(outcome: StrategyOutcome): object {
  if (outcome.kind !== 'looked') return { patches: [], stepAchieved: false, releaseComplete: false };
  return {
    patches: outcome.patches.map(showPatch),
    stepAchieved: outcome.isStepAchieved,
    releaseComplete: outcome.isReleaseComplete,
    conditions: outcome.conditions.map(({ type, status, step }) => ({ type, status, step })),
    state: outcome.state,
  };
}

function showPatch(patch: TargetPatch): object {
  const { release } = patch;
  switch (patch.kind) {
    case 'capacity':
      return { release, capacityPercent: patch.percent };
    case 'traffic':
      return { release, trafficWeight: patch.weight };
  }
}

function readStrategy(fields: JsonObject, field: string) {
  return {
    stepCount: count(fields['steps'], `${field}.steps`),
    targetStep: count(fields['targetStep'], `${field}.targetStep`),
  };
}

/** Of any release but the contender the successor's strategy counts; without one in the case, it has no problem. */
function successorStrategy(input: JsonObject, release: string) {
  const { successor } = input;
  if (!isAbsent(successor)) return readStrategy(mapAt(successor, 'input.successor'), 'input.successor');
  return release === 'incumbent' ? { stepCount: 1, targetStep: 0 } : undefined;
}

function withoutRelease(message: string, release: string): string {
  return message.replace(` for Release "${release}"`, '').replace(`Release ${release} `, '');
}
