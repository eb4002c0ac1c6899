import { commandLine, titleOf, type Verb } from './verb.ts';

/** Starts a revision again that was taken back, failed, or stopped. */
export function retry(now: string): Verb {
  return (rollout) => {
    const title = titleOf(rollout);
    const { spec, status } = rollout;
    switch (status?.phase) {
      case 'Aborted':
      case 'Failed':
      case 'Paused':
      case 'Reverting':
        break;
      case 'WaitingForApproval':
        return {
          kind: 'refused',
          because: `${title} did not fail, it waits for approval: ${commandLine('promote', rollout)}`,
        };
      case 'Blocked':
        return {
          kind: 'refused',
          because: `${title} did not fail, it is blocked: ${status.summary ?? 'see its status'}`,
        };
      case 'Idle':
      case 'Progressing':
      case 'Soaking':
      case 'Completed':
      case undefined:
        return { kind: 'refused', because: `${title} did not fail: there is nothing to try again` };
    }
    return {
      kind: 'change',
      // The word that took it back would hold for the new try as well.
      command: { retry: now, abort: null },
      told:
        `Revision ${status.revision ?? ''} of ${title} is tried again.` +
        (spec.command?.paused ? ` It is still paused: ${commandLine('resume', rollout)}.` : ''),
    };
  };
}
