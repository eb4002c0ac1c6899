import type { RevisionObject, RolloutObject } from './rollout-object.ts';
import { commandLine, titleOf } from './verb.ts';

export type Choice =
  | { readonly ok: true; readonly before: RevisionObject; readonly after: RevisionObject }
  | { readonly ok: false; readonly because: string };

/**
 * Two revisions to compare. Of none: the one that clusters come from with the one they go to, or, with nothing under
 * way, the last two. Of one: that with the newest.
 */
export function chooseRevisions(
  rollout: RolloutObject,
  revisions: readonly RevisionObject[],
  wanted: readonly string[],
): Choice {
  const title = titleOf(rollout);
  const see = `${commandLine('history', rollout)} shows what there is`;
  const named = wanted.map((text) => ({ text, found: matching(revisions, text) }));
  for (const { text, found } of named) {
    if (found.length === 0) return refuse(`${title} has no kept revision "${text}": ${see}`);
    if (found.length > 1) return refuse(`"${text}" begins several revisions of ${title}: write more of it`);
  }
  const [first, second] = named.map(({ found }) => found[0]);
  const { revision, stableRevision } = rollout.status ?? {};
  const of = (hash: string | undefined) => revisions.find(({ spec }) => spec.revision === hash);
  const newest = of(revision) ?? revisions.at(-1);
  const after = second ?? newest;
  const before =
    first ?? (stableRevision === revision ? undefined : of(stableRevision)) ?? previous(revisions, after);
  if (!after || !before) return refuse(`${title} has no two kept revisions to compare: ${see}`);
  return { ok: true, before, after };
}

/** A hash or its beginning; a number where no hash begins so. */
function matching(revisions: readonly RevisionObject[], text: string): readonly RevisionObject[] {
  const exact = revisions.filter(({ spec }) => spec.revision === text);
  if (exact.length > 0) return exact;
  const numbered = /^\d{1,6}$/.test(text) ? revisions.filter(({ spec }) => spec.number === Number(text)) : [];
  return numbered.length > 0 ? numbered : revisions.filter(({ spec }) => spec.revision.startsWith(text));
}

function previous(
  revisions: readonly RevisionObject[],
  after: RevisionObject | undefined,
): RevisionObject | undefined {
  return after && revisions.findLast(({ spec }) => spec.number < after.spec.number);
}

function refuse(because: string): Choice {
  return { ok: false, because };
}
