import type { RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { JsonObject } from '../../base/index.ts';
import { promoteAll } from '../../rollout/plan/steps/index.ts';

/** Whether a person has let that go on already, by itself or with everything that is left. */
export function isPromoted({ command }: RolloutSpec, revision: string | undefined, key: string): boolean {
  return (command?.promotions ?? []).some(
    (each) => each.revision === revision && (each.at === key || each.at === promoteAll),
  );
}

/** As many as the schema takes. */
const maxPromotions = 256;

/** A merge patch has lists whole. The oldest words go first, and those of other revisions before those of this one. */
export function promotionsWith(
  { command }: RolloutSpec,
  revision: string,
  added: readonly JsonObject[],
): readonly JsonObject[] {
  const before = (command?.promotions ?? []) as readonly JsonObject[];
  const surplus = before.length + added.length - maxPromotions;
  if (surplus <= 0) return [...before, ...added];
  const isOther = (each: JsonObject) => each['revision'] !== revision;
  const kept = [...before.filter(isOther).slice(surplus), ...before.filter((each) => !isOther(each))];
  return [...kept, ...added].slice(-maxPromotions);
}
