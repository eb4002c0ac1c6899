import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

/** Something that a person may say now. */
export interface NextStep {
  /** To copy and run. */
  readonly command: string;
  readonly effect: string;
}

/** What a person may say; nothing where nothing waits for a person. */
export function nextSteps({
  namespace,
  name,
  spec,
  status,
}: {
  readonly namespace: string;
  readonly name: string;
  readonly spec: RolloutSpec;
  readonly status?: RolloutStatus | undefined;
}): readonly NextStep[] {
  const say = (verb: string, effect: string, more = ''): NextStep => ({
    command: `hansa rollout ${verb} ${name}${more} -n ${namespace}`,
    effect,
  });
  const abort = say('abort', 'takes it back');
  switch (status?.phase) {
    case 'WaitingForApproval':
      return [say('promote', 'lets it go on'), abort];
    case 'Paused':
      if (spec.command?.paused) return [say('resume', 'lets it go on'), abort];
      if (spec.command?.targetStep !== undefined)
        return [say('set-step', 'lets it go on to the end', ' end'), abort];
      return [say('retry', 'tries again'), say('promote', 'passes over what is in the way'), abort];
    case 'Aborted':
    case 'Failed':
      return [say('retry', 'tries the same revision again'), say('undo', 'goes to the one before')];
    case 'Blocked':
      return [{ command: 'kubectl get rolloutblocks -A', effect: 'shows what is in the way' }];
    case 'Idle':
    case 'Progressing':
    case 'Soaking':
    case 'Reverting':
    case 'Completed':
    case undefined:
      return [];
  }
}
