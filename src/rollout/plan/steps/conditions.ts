import type { Holdup } from './decide-rollout.ts';
import type { RolloutStatus } from './types.ts';

type Condition = NonNullable<RolloutStatus['conditions']>[number];

/** Conditions of a Rollout; a time changes with its status or reason only. */
export function conditionsFor({
  before,
  phase,
  summary,
  holdup,
  now,
}: {
  readonly before: readonly Condition[];
  readonly phase: NonNullable<RolloutStatus['phase']>;
  readonly summary: string;
  readonly holdup: Holdup;
  readonly now: string;
}): Condition[] {
  const reason = reasonOf(holdup, phase);
  const isDone = phase === 'Completed' || phase === 'Idle';
  const isBad = ['Aborted', 'Failed', 'Reverting'].includes(phase) || holdup.kind === 'failed';
  const isMoving = ['Progressing', 'Soaking', 'Reverting'].includes(phase);
  const wanted: readonly Condition[] = [
    { type: 'Completed', status: isDone ? 'True' : 'False', reason, message: summary },
    { type: 'Healthy', status: isBad ? 'False' : 'True', reason, message: summary },
    { type: 'Progressing', status: isMoving ? 'True' : 'False', reason, message: summary },
    { type: 'Valid', status: 'True', reason: 'Valid', message: 'the spec can be carried out' },
  ];
  return wanted.map((condition) => withTimes(condition, before, now));
}

/** Where the spec can't be carried out, that is all there is to say. */
export function invalidConditions(
  before: readonly Condition[],
  { reason, message }: { readonly reason: string; readonly message: string },
  now: string,
): Condition[] {
  return [
    ...before.filter(({ type }) => type !== 'Valid'),
    withTimes({ type: 'Valid', status: 'False', reason, message }, before, now),
  ];
}

function withTimes(condition: Condition, before: readonly Condition[], now: string): Condition {
  const old = before.find(({ type }) => type === condition.type);
  const isSame = old?.status === condition.status && old?.reason === condition.reason;
  return {
    ...condition,
    lastTransitionTime: isSame && old?.lastTransitionTime ? old.lastTransitionTime : now,
  };
}

function reasonOf(holdup: Holdup, phase: string): string {
  switch (holdup.kind) {
    case 'members':
      return 'Progressing';
    case 'gate':
      return 'WaitingForGate';
    case 'pause':
      return 'WaitingForPause';
    case 'approval':
      return 'WaitingForApproval';
    case 'soak':
      return 'Soaking';
    case 'target-step':
    case 'paused':
      return 'Paused';
    case 'blocked':
      return 'Blocked';
    case 'failed':
      return holdup.reason;
    case 'reverting':
      return 'Reverting';
    case 'reverted':
      return phase === 'Aborted' ? 'Aborted' : 'ClusterFailed';
    case 'done':
      return 'AllDone';
    case 'idle':
      return 'NothingToDo';
  }
}
