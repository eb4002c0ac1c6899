import { HansaError } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { Work, ReadCluster, StoredBackup } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import type { ClusterFlags } from './cluster-options.ts';
import { kindStatusOf, renderKindStatus } from './kind-status.ts';
import { findStored, leavingOf, readStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { renderClusters, renderStatus } from './render-status.ts';
import { openState } from './state-place.ts';
import { statusOf } from './status-rows.ts';
import { stopSignals } from './stop-signals.ts';

export interface StatusFlags extends ClusterFlags {
  readonly verbose?: boolean;
}

/** Without a name: what is kept. With one: how it is now. Exit code 1: it is not well. */
export async function runClusterStatus(name: string | undefined, flags: StatusFlags): Promise<number> {
  const format = readOutput(flags.output, ['json', 'yaml']);
  const state = openState(flags);
  if (name === undefined) {
    const clusters = await state.clusters();
    if (format)
      await printData(
        clusters.map(({ objects: _, journal: __, ...rest }) => rest),
        format,
      );
    else process.stdout.write(`${renderClusters(clusters)}\n`);
    return 0;
  }
  const stored = await findStored(name, flags.namespace, state);
  const cluster = readStored(stored);
  const leaving = await leavingOf(cluster, state);
  const place = { state, flags: {}, progress: createProgress(), stops: stopSignals() };
  await using work = await openWork(cluster, place, { leaving });
  if (cluster.kind) {
    const status = kindStatusOf(cluster, await work.look());
    if (format) await printData(status, format);
    else process.stdout.write(`${renderKindStatus(status)}\n`);
    return status.isWell ? 0 : 1;
  }
  const [observed, backups] = await Promise.all([work.look(), backupsOf(work, cluster)]);
  const now = systemClock.now();
  const status = statusOf({
    spec: { ...cluster.spec, machines: [...cluster.spec.machines, ...leaving] },
    observed,
    certificates: await work.certificates(observed),
    journal: stored.journal,
    backups,
    leaving: leaving.map((machine) => machine.name),
    wasMade: stored.secretNames.includes(`${stored.name}-kubeconfig`),
    now,
  });
  if (format) await printData(status, format);
  else {
    const look = { isVerbose: flags.verbose ?? false, width: process.stdout.columns, now };
    process.stdout.write(`${renderStatus(status, look)}\n`);
  }
  return status.isWell ? 0 : 1;
}

/** A target that doesn't answer is told, and hides nothing else. */
async function backupsOf(
  work: Work,
  { spec }: ReadCluster,
): Promise<readonly StoredBackup[] | string | undefined> {
  if (!spec.backup) return undefined;
  try {
    return await work.backups();
  } catch (error) {
    if (error instanceof HansaError) return error.message;
    throw error;
  }
}
