import { commandLine, titleOf, type Verb } from './verb.ts';

export const pause: Verb = (rollout) => {
  const title = titleOf(rollout);
  if (rollout.spec.command?.paused) return { kind: 'already', told: `${title} is paused already.` };
  return {
    kind: 'change',
    command: { paused: true },
    told: `${title} is paused: nothing moves until ${commandLine('resume', rollout)}.`,
  };
};

export const resume: Verb = (rollout) => {
  const title = titleOf(rollout);
  const { spec, status } = rollout;
  if (spec.command?.paused) return { kind: 'change', command: { paused: null }, told: `${title} goes on.` };
  // What stopped it may be a gate or a failure, and then another verb is meant.
  if (status?.phase === 'WaitingForApproval') {
    return {
      kind: 'refused',
      because: `${title} is not paused, it waits for approval: ${commandLine('promote', rollout)}`,
    };
  }
  if (status?.phase === 'Paused' && spec.command?.targetStep !== undefined) {
    return {
      kind: 'refused',
      because: `${title} is not paused, it was told to stay at a step: ${commandLine('set-step', rollout, 'end')}`,
    };
  }
  if (status?.phase === 'Paused') {
    return {
      kind: 'refused',
      because:
        `nobody paused ${title}, it stopped by itself: ${status.summary ?? 'see its status'}; ` +
        `${commandLine('retry', rollout)} tries again, ${commandLine('promote', rollout)} passes over what is in the way`,
    };
  }
  return { kind: 'already', told: `${title} is not paused.` };
};
