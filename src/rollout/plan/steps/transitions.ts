import type { RolloutStatus, Transition } from './types.ts';

/** What people hear of: the differences between two statuses that mean something. */
export function transitionsBetween(before: RolloutStatus, after: RolloutStatus): readonly Transition[] {
  if (before === after) return [];
  return [
    ...ofTheWhole(before, after),
    ...ofWaves(before, after),
    ...ofClusters(before, after),
    ...ofGates(before, after),
  ];
}

const badPhases = ['Aborted', 'Failed', 'Reverting', 'Blocked'];

function* ofTheWhole(before: RolloutStatus, after: RolloutStatus): Generator<Transition> {
  const isNewRun = after.revision !== before.revision || after.startedAt !== before.startedAt;
  if (
    isNewRun &&
    after.revision !== undefined &&
    after.startedAt !== undefined &&
    after.revision !== after.stableRevision
  ) {
    yield {
      type: 'Normal',
      reason: 'RolloutStarted',
      message: `revision ${after.revision} starts${before.stableRevision ? `; revision ${before.stableRevision} is what clusters have` : ''}`,
    };
  }
  if (after.phase !== before.phase && after.phase !== undefined && after.phase !== 'Idle') {
    const isBad = badPhases.includes(after.phase) || (after.phase === 'Paused' && isFailed(after));
    yield {
      type: isBad ? 'Warning' : 'Normal',
      reason: `Rollout${after.phase}`,
      message: after.summary ?? after.phase,
    };
  }
}

function isFailed({ conditions = [] }: RolloutStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Healthy' && status === 'False');
}

function* ofWaves(before: RolloutStatus, after: RolloutStatus): Generator<Transition> {
  if (after.revision === after.stableRevision && after.phase !== 'Completed') return;
  for (const { name, phase } of after.waves ?? []) {
    const old = before.waves?.find((wave) => wave.name === name)?.phase ?? 'Pending';
    if (old === phase || phase === 'Pending' || phase === 'Gates') continue;
    yield {
      type: phase === 'Failed' || phase === 'Reverting' ? 'Warning' : 'Normal',
      reason: `Wave${phase}`,
      message: `wave ${name}: ${phase.toLowerCase()}`,
      wave: name,
    };
  }
}

function* ofClusters(before: RolloutStatus, after: RolloutStatus): Generator<Transition> {
  for (const { name, wave, phase, step, reachedStep, message = '' } of after.clusters ?? []) {
    const old = before.clusters?.find((cluster) => cluster.name === name);
    const place = wave === undefined ? { member: name } : { member: name, wave };
    if (phase === 'StepReached' && (old?.reachedStep !== reachedStep || old?.phase !== phase)) {
      yield {
        type: 'Normal',
        reason: 'StepReached',
        message: `${name}: step ${(step ?? 0) + 1} is reached`,
        ...place,
      };
    }
    if (old?.phase === phase) continue;
    if (phase === 'Failed' || phase === 'Skipped' || phase === 'Unreachable') {
      yield { type: 'Warning', reason: `Cluster${phase}`, message: `${name}: ${message}`, ...place };
    }
    if (phase === 'Reverted' && old?.phase === 'Reverting') {
      yield {
        type: 'Normal',
        reason: 'ClusterReverted',
        message: `${name} has the old revision again`,
        ...place,
      };
    }
  }
}

function* ofGates(before: RolloutStatus, after: RolloutStatus): Generator<Transition> {
  for (const { key, phase, message = '' } of after.gates ?? []) {
    const old = before.gates?.find((gate) => gate.key === key)?.phase;
    if (old === phase || !['Passed', 'Failed', 'Inconclusive'].includes(phase)) continue;
    const [, wave = '', , member = '*', ...name] = key.split('/');
    yield {
      type: phase === 'Passed' ? 'Normal' : 'Warning',
      reason: `Gate${phase}`,
      message: `gate ${name.join('/')} at ${member === '*' ? `wave ${wave}` : member}: ${message}`,
      wave,
      ...(member === '*' ? {} : { member }),
    };
  }
}
