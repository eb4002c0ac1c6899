import { nextStrike, parseCron } from './cron.ts';
import type { BackupSpec } from './cluster-spec.ts';

/** A backup as its target lists it. */
export interface StoredBackup {
  readonly name: string;
  /** ms since 1970; from its name, which we wrote. */
  readonly takenAt: number;
  readonly sizeBytes: number;
}

/** `NAMESPACE-CLUSTER-20261123T071500Z.hansa-backup`: sorts by time, and says whose it is. */
export function backupName(
  cluster: { readonly namespace: string; readonly name: string },
  now: number,
): string {
  const at = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${prefixOf(cluster)}${at}${suffix}`;
}

/** When a backup of this cluster was taken, by its name; undefined if it is another cluster's, or no backup at all. */
export function backupTime(
  cluster: { readonly namespace: string; readonly name: string },
  name: string,
): number | undefined {
  const prefix = prefixOf(cluster);
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return undefined;
  const stamp = name.slice(prefix.length, -suffix.length);
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(stamp)?.slice(1).map(Number);
  if (!parts) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Backups that may go, oldest first: all but the newest `retention`. The newest is never among them. */
export function expiredBackups(backups: readonly StoredBackup[], retention: number): readonly StoredBackup[] {
  const newestFirst = backups.toSorted((a, b) => b.takenAt - a.takenAt);
  return newestFirst.slice(Math.max(1, retention)).reverse();
}

export type BackupVerdict =
  | { readonly kind: 'due'; readonly since: number }
  | { readonly kind: 'later'; readonly at: number }
  /** There is no schedule, or none that can be read. */
  | { readonly kind: 'never' };

/**
 * Tells whether a scheduled backup is due. However many times were missed, one makes up for them. `since` is when the
 * schedule began to count, for a cluster that has no backup yet.
 */
export function backupVerdict(
  spec: Pick<BackupSpec, 'schedule'> | undefined,
  { last, since, now }: { readonly last: number | undefined; readonly since: number; readonly now: number },
): BackupVerdict {
  if (spec?.schedule === undefined) return { kind: 'never' };
  const schedule = parseCron(spec.schedule);
  if (!schedule.ok) return { kind: 'never' };
  const next = nextStrike(schedule.cron, last ?? since);
  return next <= now ? { kind: 'due', since: next } : { kind: 'later', at: next };
}

const suffix = '.hansa-backup';

// A name of a namespace has no dot, so namespace `a` with cluster `b-c` and `a-b` with `c` differ.
function prefixOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}.${name}-`;
}
