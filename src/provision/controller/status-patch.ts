import { hashOf, type JsonObject } from '../../base/index.ts';

/**
 * A merge patch that makes one status another; undefined: it is so already. Lists are written whole; a field that is gone is
 * taken away.
 */
export function statusPatch(before: object | undefined, next: object): JsonObject | undefined {
  const old = (before ?? {}) as JsonObject;
  const wanted = next as JsonObject;
  const changed = Object.entries(wanted).filter(
    ([field, value]) => hashOf(value) !== hashOf(old[field] ?? null),
  );
  const gone = Object.keys(old).filter((field) => wanted[field] === undefined);
  if (changed.length === 0 && gone.length === 0) return undefined;
  return { ...Object.fromEntries(changed), ...Object.fromEntries(gone.map((field) => [field, null])) };
}
