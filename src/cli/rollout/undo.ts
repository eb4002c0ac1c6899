import type { RevisionObject, RolloutObject } from './rollout-object.ts';
import { commandLine, titleOf, type Verb } from './verb.ts';

export interface UndoWish {
  /** Hash, or its beginning. */
  readonly revision?: string | undefined;
  readonly number?: number | undefined;
}

/** Rolls an older revision out again, as a run of its own through all steps. */
export function undo(wish: UndoWish, revisions: readonly RevisionObject[]): Verb {
  return (rollout) => {
    const title = titleOf(rollout);
    const found = findRevision(rollout, wish, revisions);
    if (typeof found === 'string') return { kind: 'refused', because: found };
    const { revision, number } = found.spec;
    const { spec, status } = rollout;
    if (spec.command?.undoTo === revision) {
      return { kind: 'already', told: `${title} goes to revision ${revision} already.` };
    }
    if (status?.revision === revision && status.phase === 'Completed') {
      return { kind: 'already', told: `Every cluster of ${title} has revision ${revision} already.` };
    }
    return {
      kind: 'change',
      command: { undoTo: revision, abort: null },
      told: `${title} goes to revision ${revision} (number ${number}), through all its steps, until its source changes.`,
    };
  };
}

function findRevision(
  rollout: RolloutObject,
  wish: UndoWish,
  revisions: readonly RevisionObject[],
): RevisionObject | string {
  const title = titleOf(rollout);
  const see = `${commandLine('history', rollout)} shows what there is`;
  if (wish.number !== undefined) {
    const { number } = wish;
    return (
      revisions.find(({ spec }) => spec.number === number) ??
      `${title} has no revision number ${number}: ${see}`
    );
  }
  if (wish.revision !== undefined) {
    const { revision } = wish;
    const matching = revisions.filter(({ spec }) => spec.revision.startsWith(revision));
    if (matching.length > 1)
      return `"${revision}" begins several revisions of ${title}: write more of it; ${see}`;
    return matching[0] ?? `${title} has no revision "${revision}": ${see}`;
  }
  return revisionBefore(rollout, revisions) ?? `${title} has no revision before this one: ${see}`;
}

/** While a run is under way, the one that is being replaced; after it, the one that was completed before. */
function revisionBefore(
  { status }: RolloutObject,
  revisions: readonly RevisionObject[],
): RevisionObject | undefined {
  const { revision: current, stableRevision, history = [] } = status ?? {};
  const kept = (hash: string | undefined) => revisions.find(({ spec }) => spec.revision === hash);
  if (stableRevision !== undefined && stableRevision !== current) return kept(stableRevision);
  const earlier = history
    .toReversed()
    .filter(({ outcome, revision }) => outcome === 'Completed' && revision !== current)
    .map(({ revision }) => kept(revision));
  return earlier.find((each) => each !== undefined);
}
