import { systemClock } from '../../kube/index.ts';
import type { RolloutFlags } from '../commands/rollout.ts';
import { explained } from '../../members/join/index.ts';
import { printData } from '../host-options.ts';
import { renderTable } from '../table.ts';
import { withHost } from './command-context.ts';
import { historyColumns, historyRows } from './history-rows.ts';
import { listRevisions, readRollout } from './read-rollout.ts';

export interface HistoryRequest {
  readonly name: string;
  readonly flags: RolloutFlags;
  readonly format: 'json' | 'yaml' | undefined;
}

export async function runHistory({ name, flags, format }: HistoryRequest): Promise<void> {
  await withHost(flags, async ({ host, call, namespace }) => {
    const ref = { namespace, name };
    const reading = async () => {
      const rollout = await readRollout(host.client, ref, call);
      return historyRows(rollout, await listRevisions(host.client, ref, call));
    };
    const rows = await explained(reading(), 'the host', host.client);
    if (format) return printData(rows, format);
    if (rows.length === 0) process.stderr.write(`${namespace}/${name} has not rolled anything out yet.\n`);
    else process.stdout.write(`${renderTable(historyColumns(systemClock.now()), rows)}\n`);
  });
}
