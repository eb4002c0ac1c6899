import type { ReadCluster, StateFile } from '../../provision/index.ts';
import { invalidOption } from '../host-options.ts';
import type { ApplyFlags } from './cluster-options.ts';
import { loadFile, loadStored } from './load-clusters.ts';

/** Those of the file, all or the one that is named; without a file, the one that was applied before. */
export async function chooseClusters(
  name: string | undefined,
  flags: ApplyFlags,
  state: StateFile,
): Promise<readonly ReadCluster[]> {
  if (flags.filename === undefined) {
    if (name === undefined) throw invalidOption('name a cluster, or a file with -f');
    const stored = await loadStored(name, flags.namespace, state);
    tellClockless(stored);
    return [stored];
  }
  const all = await loadFile(flags.filename, state);
  for (const cluster of all) tellClockless(cluster);
  for (const { warnings } of all) {
    for (const { object, field, message } of warnings) {
      process.stderr.write(`note: ${[object, field].filter(Boolean).join(' ')}: ${message}\n`);
    }
  }
  if (name === undefined) return all;
  const found = all.filter(({ spec }) => spec.name === name);
  if (found.length > 0) return found;
  throw invalidOption(
    `${flags.filename} has no cluster ${name}: it has ${all.map(({ spec }) => spec.name).join(', ')}`,
  );
}

/** A state file has no clock: what needs one is told. */
export function tellClockless({ spec }: ReadCluster): void {
  if (spec.backup?.schedule === undefined) return;
  process.stderr.write(
    `note: a state file has no clock, so nothing here acts on spec.backup.schedule of ${spec.name}: run "hansa cluster backup ${spec.name}" from cron, or have a controller keep the cluster ("hansa pivot")\n`,
  );
}
