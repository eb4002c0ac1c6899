import { readFileSync, writeFileSync } from 'node:fs';

const watchLimit = '/proc/sys/fs/inotify/max_user_instances';
const enoughWatches = 2048;

/** About 28 are taken by one machine, and 128 are the usual limit for all of a user. */
export function raiseWatchLimit(): void {
  try {
    if (Number(readFileSync(watchLimit, 'utf8')) < enoughWatches)
      writeFileSync(watchLimit, `${enoughWatches}`);
  } catch {
    // Without the right to do so three or four machines still fit.
  }
}
