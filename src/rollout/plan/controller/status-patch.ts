import type { RolloutStatus } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { type Json, type JsonObject, stableJson } from '../../../base/index.ts';

/** Merge patch that makes `next` of `before`; undefined where nothing differs. Fields that went are sent as null. */
export function statusPatch(before: RolloutStatus | undefined, next: RolloutStatus): JsonObject | undefined {
  const old = (before ?? {}) as Readonly<Record<string, Json | undefined>>;
  const wanted = JSON.parse(JSON.stringify(next)) as JsonObject;
  const changed = Object.entries(wanted).filter(
    ([key, value]) => old[key] === undefined || stableJson(old[key]) !== stableJson(value ?? null),
  );
  const gone = Object.keys(old).filter((key) => wanted[key] === undefined);
  if (changed.length === 0 && gone.length === 0) return undefined;
  return Object.fromEntries([...changed, ...gone.map((key) => [key, null] as const)]) as JsonObject;
}
