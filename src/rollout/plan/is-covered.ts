import { isJsonObject, type Json } from '../../base/index.ts';

/**
 * Whether all that is wanted is there; what servers and others have added does not count. A "no" may be a "yes" in other
 * words (`1000m` for `1`), so it is a reason to ask the server, not yet to write.
 */
export function isCovered(wanted: Json | undefined, live: Json | undefined): boolean {
  if (wanted === undefined || wanted === null) return live === undefined || live === null;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) &&
      live.length === wanted.length &&
      wanted.every((item, index) => isCovered(item, live[index]))
    );
  }
  if (isJsonObject(wanted)) {
    return isJsonObject(live) && Object.entries(wanted).every(([key, value]) => isCovered(value, live[key]));
  }
  return wanted === live;
}
