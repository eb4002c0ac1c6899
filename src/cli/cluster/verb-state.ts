import { invalidOption } from '../host-options.ts';
import {
  type ClusterKey,
  credentialName,
  fileClusterStore,
  type StateFile,
  type StoredCluster,
  type VerbResult,
  type VerbState,
} from '../../provision/index.ts';
import { findStored, keepObjects } from './load-clusters.ts';
import type { StateFlags } from './state-place.ts';

/** Options of the short forms. */
export interface VerbFlags extends StateFlags {
  readonly cluster?: string;
  readonly namespace?: string;
  readonly output?: string;
}

/** A name may stand behind the verb or in `--cluster`, as scripts for several clusters have it. */
export function nameFor(name: string | undefined, flags: Pick<VerbFlags, 'cluster'>): string | undefined {
  if (name !== undefined && flags.cluster !== undefined && name !== flags.cluster) {
    throw invalidOption(`there are two names: ${name}, and ${flags.cluster} in --cluster`);
  }
  return name ?? flags.cluster;
}

/** What is kept of a cluster, as a verb finds it; one that isn't there yet has nothing. */
export async function verbState(stored: ClusterKey, state: StateFile): Promise<VerbState> {
  const { namespace, name } = stored;
  const found = await state.cluster(stored);
  const credential = credentialName(name);
  const values = found?.secretNames.includes(credential)
    ? await fileClusterStore(state, stored).secrets.get(credential)
    : undefined;
  return {
    namespace,
    name,
    objects: found?.objects ?? [],
    secrets: values ? { [credential]: values } : {},
  };
}

/** The cluster a verb is about: the one that is named, else the only one that is kept. */
export async function keptCluster(flags: VerbFlags, state: StateFile): Promise<StoredCluster> {
  return findStored(flags.cluster, flags.namespace, state);
}

/** The same for what may come first: a cluster nobody knows yet begins with it. */
export async function anyCluster(flags: VerbFlags, state: StateFile): Promise<ClusterKey> {
  const { cluster, namespace } = flags;
  if (cluster === undefined) {
    const all = await state.clusters();
    if (all.length === 0) throw invalidOption('give the new cluster a name: --cluster NAME');
    return findStored(undefined, namespace, state);
  }
  const known = (await state.clusters()).filter(
    (each) => each.name === cluster && (!namespace || each.namespace === namespace),
  );
  return known.length === 0
    ? { namespace: namespace ?? 'default', name: cluster }
    : findStored(cluster, namespace, state);
}

/** Secrets first: objects that name what isn't there would be of no use. */
export async function keepVerb(
  key: ClusterKey,
  { objects, secrets }: VerbResult,
  state: StateFile,
): Promise<void> {
  const store = fileClusterStore(state, key);
  for (const [name, values] of Object.entries(secrets)) await store.secrets.put(name, values);
  await keepObjects(key, objects, state);
}

export function tellNotes(notes: readonly string[]): void {
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
}
