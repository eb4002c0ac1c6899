import type { StoredBackup } from '../plan/backup.ts';
import type { TakenBackup } from './carry-out.ts';
import type { HostWriter } from './host-writer.ts';
import type { BackupView } from './views.ts';
import type { AskedFor } from './wish.ts';

/**
 * An EtcdBackup for each file that the target has. One whose file is older than all that are kept was removed by the
 * retention, and goes; one whose file is gone in between is told of.
 */
export async function syncBackups(
  { cluster, backups }: Pick<AskedFor, 'cluster'> & { readonly backups: readonly BackupView[] },
  listed: readonly StoredBackup[],
  { writer, taken }: { readonly writer: HostWriter; readonly taken: Readonly<Record<string, TakenBackup>> },
): Promise<void> {
  for (const stored of listed) {
    if (backups.some(({ spec }) => spec.file === stored.name)) continue;
    await writer.recordBackup(cluster, stored, taken[stored.name] ?? { trigger: 'Found' });
  }
  const oldest = Math.min(...listed.map(({ takenAt }) => takenAt));
  for (const backup of backups) {
    const isOther = JSON.stringify(backup.spec.target) !== JSON.stringify(cluster.spec.backup?.target);
    if (isOther || listed.some(({ name }) => name === backup.spec.file)) continue;
    // Names tell the second, and the EtcdBackup the same.
    if (Date.parse(backup.spec.takenAt) < oldest) await writer.removeBackup(backup);
    else {
      await writer.backupStatus(backup, {
        phase: 'Missing',
        message: `the target has no ${backup.spec.file} any more: see who removes files there`,
      });
    }
  }
}
