import { systemClock } from '../../kube/index.ts';
import { explained } from '../../members/join/index.ts';
import { printData } from '../host-options.ts';
import { renderTable } from '../table.ts';
import type { ListFlags } from '../commands/rollout.ts';
import { type CommandContext, withHost } from './command-context.ts';
import { listRollouts } from './read-rollout.ts';
import { rolloutColumns, rolloutRow } from './rollout-row.ts';

export interface ListRequest {
  readonly flags: ListFlags;
  readonly format: 'json' | 'yaml' | 'wide' | undefined;
}

export async function runList({ flags, format }: ListRequest): Promise<void> {
  await withHost(flags, async ({ host, call, namespace }: CommandContext) => {
    const scope = flags.allNamespaces ? undefined : namespace;
    const found = await explained(listRollouts(host.client, scope, call), 'the host', host.client);
    if (format === 'json' || format === 'yaml') {
      await printData({ apiVersion: 'v1', kind: 'List', items: found.map(withoutManagedFields) }, format);
      return;
    }
    if (found.length === 0) {
      const where = scope === undefined ? 'in any namespace' : `in namespace "${scope}"; -A looks in all`;
      process.stderr.write(`There are no Rollouts ${where}.\n`);
      return;
    }
    const rows = found.map((each) => rolloutRow(each, systemClock.now()));
    const table = renderTable(rolloutColumns({ namespace: scope === undefined }), rows, {
      wide: format === 'wide',
    });
    process.stdout.write(`${table}\n`);
  });
}

function withoutManagedFields<T extends { readonly metadata: object }>(object: T): unknown {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
