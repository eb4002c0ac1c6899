import { isJsonObject } from './json.ts';

/**
 * Tells whether a live object already holds everything that is desired. Fields that only the live object has are
 * others' business. Lists must match item by item; a server that writes a value in another form (`1000m` as `1`)
 * counts as a difference, which costs one write without effect.
 */
export function contains(live: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, i) => contains(live[i], item))
    );
  }
  if (isJsonObject(desired)) {
    return isJsonObject(live)
      ? Object.entries(desired).every(([key, value]) => contains(live[key], value))
      : Object.keys(desired).length === 0 && (live === undefined || live === null);
  }
  // The server drops nulls.
  if (desired === null) return live === undefined || live === null;
  return live === desired;
}
