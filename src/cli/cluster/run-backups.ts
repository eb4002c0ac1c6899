import { systemClock } from '../../kube/index.ts';
import type { StoredBackup } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { ageOf, renderTable } from '../table.ts';
import { bytesText } from './bytes-text.ts';
import type { ClusterFlags } from './cluster-options.ts';
import { loadStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { targetText } from './target-text.ts';

/** What the target has of the cluster, newest first. No machine is asked. */
export async function runClusterBackups(name: string | undefined, flags: ClusterFlags): Promise<number> {
  const format = readOutput(flags.output, ['json', 'yaml', 'name']);
  const state = openState(flags);
  const cluster = await loadStored(name, flags.namespace, state);
  await using work = await openWork(cluster, {
    state,
    flags: {},
    progress: createProgress(),
    stops: stopSignals(),
  });
  const backups = await work.backups();
  if (format === 'name') for (const backup of backups) process.stdout.write(`${backup.name}\n`);
  else if (format) {
    await printData(
      backups.map(({ takenAt, ...rest }) => ({ ...rest, takenAt: new Date(takenAt).toISOString() })),
      format,
    );
  } else {
    const { spec } = cluster;
    const where = spec.backup ? targetText(spec.backup) : '';
    process.stdout.write(
      backups.length > 0
        ? `${renderBackups(backups, systemClock.now())}\n`
        : `No backup of cluster ${spec.name} is in ${where}: "hansa cluster backup ${spec.name}" takes one.\n`,
    );
  }
  return 0;
}

export function renderBackups(backups: readonly StoredBackup[], now: number): string {
  return renderTable<StoredBackup>(
    [
      { heading: 'NAME', cell: ({ name }) => name },
      { heading: 'TAKEN', cell: ({ takenAt }) => timeText(takenAt) },
      { heading: 'AGE', cell: ({ takenAt }) => ageOf(timeText(takenAt), now), align: 'right' },
      { heading: 'SIZE', cell: ({ sizeBytes }) => bytesText(sizeBytes), align: 'right' },
    ],
    backups,
  );
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
