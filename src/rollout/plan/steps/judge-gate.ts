import type { GateAnswer } from '../../gates.ts';
import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { GateQuestion, RolloutGateStatus } from './types.ts';

const inconclusiveLimit = 10;

/** How a gate stands after one more answer. */
export function judgeGate(
  before: RolloutGateStatus | undefined,
  question: Pick<GateQuestion, 'key' | 'gate'>,
  answer: GateAnswer,
  now: string,
): RolloutGateStatus {
  const base: RolloutGateStatus = {
    ...before,
    key: question.key,
    phase: before?.phase ?? 'Running',
    startedAt: before?.startedAt ?? now,
    lastAskedAt: now,
    message: answer.message,
  };
  switch (answer.kind) {
    case 'later':
      return { ...base, phase: before?.phase === 'Passed' ? 'Passed' : 'Running' };
    case 'good':
      return phased({ ...base, good: (before?.good ?? 0) + 1 }, question.gate);
    case 'bad':
      return phased({ ...base, bad: (before?.bad ?? 0) + 1 }, question.gate);
    case 'inconclusive':
      return phased({ ...base, inconclusive: (before?.inconclusive ?? 0) + 1 }, question.gate);
  }
}

function phased(status: RolloutGateStatus, gate: Gate): RolloutGateStatus {
  const { good = 0, bad = 0, inconclusive = 0 } = status;
  if (bad > (gate.failureLimit ?? 0)) return { ...status, phase: 'Failed' };
  if (good >= (gate.count ?? 1)) return { ...status, phase: 'Passed' };
  if (inconclusive > (gate.inconclusiveLimit ?? inconclusiveLimit))
    return { ...status, phase: 'Inconclusive' };
  return { ...status, phase: 'Running' };
}
