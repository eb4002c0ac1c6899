import { createProgress } from '../progress.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import type { StatusFlags } from '../commands/cluster.ts';
import type { EtcdMemberRow } from './status-rows.ts';
import { loadStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { openState } from './state-place.ts';
import { renderClusters, renderStatus, statusOf } from './status-rows.ts';

export type { EtcdMemberRow };

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
  const cluster = await loadStored(name, flags.namespace, state);
  const place = { state, flags: {}, progress: createProgress(), signal: interruptSignal() };
  await using work = await openWork(cluster, [], place);
  const status = statusOf(cluster.spec, await work.look());
  if (format) await printData(status, format);
  else process.stdout.write(`${renderStatus(status, flags.verbose ?? false)}\n`);
  return status.isWell ? 0 : 1;
}
