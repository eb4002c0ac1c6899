import type { ReadCluster, StateFile } from '../../provision/index.ts';
import type { ApplyFlags } from '../commands/cluster.ts';
import { invalidOption } from '../host-options.ts';
import { loadFile, loadStored } from './load-clusters.ts';

/** Those of the file, all or the one that is named; without a file, the one that was applied before. */
export async function chooseClusters(
  name: string | undefined,
  flags: ApplyFlags,
  state: StateFile,
): Promise<readonly ReadCluster[]> {
  if (flags.filename === undefined) {
    if (name === undefined) throw invalidOption('name a cluster, or a file with -f');
    return [withoutHost(await loadStored(name, flags.namespace, state))];
  }
  const all = (await loadFile(flags.filename, state)).map(withoutHost);
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

/** A state file has no host to join to and no clock of its own: what needs them is told, and left to its commands. */
function withoutHost(cluster: ReadCluster): ReadCluster {
  const { spec } = cluster;
  if (spec.register) {
    process.stderr.write(
      `note: spec.register of ${spec.name} is not acted on here: run "hansa join ${spec.name}" with its kubeconfig\n`,
    );
  }
  if (spec.backup) {
    process.stderr.write(
      `note: spec.backup of ${spec.name} is not acted on yet: nothing takes backups by schedule\n`,
    );
  }
  return { ...cluster, spec: { ...spec, register: undefined } };
}
