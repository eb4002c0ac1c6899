import { abortReasonAnnotation } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { commandLine, titleOf, type Verb } from './verb.ts';

export interface AbortOptions {
  readonly reason: string | undefined;
  readonly by: string;
}

/** Takes the revision under way back, everywhere. */
export function abort({ reason, by }: AbortOptions): Verb {
  return (rollout) => {
    const title = titleOf(rollout);
    const { spec, status } = rollout;
    const revision = status?.revision;
    if (revision === undefined)
      return { kind: 'refused', because: `${title} has no revision yet: there is nothing to take back` };
    if (spec.command?.abort === revision || status?.phase === 'Aborted') {
      return { kind: 'already', told: `Revision ${revision} of ${title} is taken back already.` };
    }
    if (revision === status?.stableRevision) {
      return {
        kind: 'refused',
        because: `every cluster of ${title} has revision ${revision}, so nothing is under way: ${commandLine('undo', rollout)} goes back to the one before`,
      };
    }
    return {
      kind: 'change',
      command: { abort: revision },
      annotations: { [abortReasonAnnotation]: reason ? `${revision}: ${reason} (${by})` : null },
      told:
        `Revision ${revision} of ${title} is taken back everywhere, ` +
        (status?.stableRevision
          ? `to ${status.stableRevision}: what serves now is restored first.`
          : 'and there is none before it to go back to.'),
    };
  };
}
