import type { RolloutStatus } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

type Undo = NonNullable<RolloutStatus['undo']>;

export interface Followed {
  /** Revision that is rolled out. */
  readonly revision: string;
  /** What the status shall remember; undefined when there is no word to undo. */
  readonly undo: Undo | undefined;
}

/** An undo that is over: the source has changed since, and its revision never comes back to it. */
const spent = '';

/**
 * Which revision is rolled out: the source's, or the one that a person went back to.
 *
 * An undo holds as long as the source stays what it was when the word was said. The source itself is not written: whoever
 * applies it (GitOps above all) would only write it back. A later edit of the source is newer than the word, and wins.
 */
export function followUndo(
  undoTo: string | undefined,
  before: Undo | undefined,
  sourceRevision: string,
): Followed {
  if (undoTo === undefined) return { revision: sourceRevision, undo: undefined };
  if (before?.to !== undoTo) return { revision: undoTo, undo: { to: undoTo, from: sourceRevision } };
  if (before.from === sourceRevision) return { revision: undoTo, undo: before };
  return { revision: sourceRevision, undo: { to: undoTo, from: spent } };
}
