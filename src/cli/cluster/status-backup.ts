import { backupVerdict } from '../../provision/index.ts';
import type { StatusSight } from './status-next.ts';
import type { StatusInput } from './status-rows.ts';

export interface BackupSight {
  readonly kind: StatusSight['backup']['kind'];
  /** RFC 3339, of the newest. */
  readonly lastAt: string | undefined;
  readonly message: string;
}

/** The newest backup, and whether the next one is overdue. */
export function backupSight({
  spec,
  journal,
  backups,
  now,
}: Pick<StatusInput, 'spec' | 'journal' | 'backups' | 'now'>): BackupSight {
  const newest = typeof backups === 'object' ? backups[0] : undefined;
  if (backups === undefined) {
    const last = journal.findLast(({ step, event }) => step === 'cluster/snapshot-etcd' && event === 'done');
    return {
      kind: 'no-target',
      lastAt: last?.at,
      message: last
        ? `snapshot of ${last.at} on ${last.evidence['machines']?.replaceAll(',', ', ')}; spec.backup names no place off the machines`
        : 'none: spec.backup names no place for backups',
    };
  }
  if (typeof backups === 'string') {
    return { kind: 'unreadable', lastAt: undefined, message: `can't be listed: ${backups}` };
  }
  if (!newest) return { kind: 'none', lastAt: undefined, message: 'none yet' };
  const lastAt = new Date(newest.takenAt).toISOString();
  const verdict = backupVerdict(spec.backup, { last: newest.takenAt, since: newest.takenAt, now });
  return {
    kind: verdict.kind === 'due' ? 'overdue' : 'recent',
    lastAt,
    message: `${newest.name}, ${backups.length} kept${verdict.kind === 'due' ? `; the next was due ${new Date(verdict.since).toISOString()}` : ''}`,
  };
}
