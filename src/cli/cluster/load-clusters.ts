import { HansaError, isJsonObject } from '../../base/index.ts';
import {
  type ClusterKey,
  fileClusterStore,
  keyText,
  type MachineSpec,
  type ReadCluster,
  readClusters,
  readLeaving,
  type StateFile,
  type StoredCluster,
} from '../../provision/index.ts';
import { invalidOption } from '../host-options.ts';
import { parseDocuments } from '../offline/parse-documents.ts';
import { readText } from '../offline/read-text.ts';
import { type KeptObjects, machineNames } from './kept-objects.ts';

/**
 * The clusters of a file, each with the Secrets it needs: those of the file, or those that the state has already.
 * @throws InvalidClusterError, HansaError InvalidInput, MissingSecret
 */
export async function loadFile(path: string, state: StateFile): Promise<readonly ReadCluster[]> {
  const documents = parseDocuments(await readText(path));
  for (const document of documents) {
    if (!document.ok) {
      throw new HansaError(`${path}, ${document.where}: ${document.message}`, {
        reason: 'InvalidInput',
        retry: 'never',
      });
    }
  }
  const clusters = readClusters(documents.flatMap((document) => (document.ok ? [document.value] : [])));
  if (clusters.length === 0) {
    throw new HansaError(`${path} has no KubeCluster in it (apiVersion provision.hansa.dev/v1alpha1)`, {
      reason: 'InvalidInput',
      retry: 'never',
    });
  }
  for (const cluster of clusters) await requireSecrets(cluster, await state.cluster(keyOf(cluster)));
  return clusters;
}

/** A cluster of the state, as it was applied last. */
export async function loadStored(
  name: string | undefined,
  namespace: string | undefined,
  state: StateFile,
): Promise<ReadCluster> {
  return readStored(await findStored(name, namespace, state));
}

export function readStored(stored: StoredCluster): ReadCluster {
  const [cluster] = readClusters(stored.objects);
  if (cluster) return cluster;
  throw new HansaError(
    `cluster ${keyText(stored)} has nothing but its Secrets yet: run "hansa cluster apply -f FILE", or "hansa create cluster"`,
    { reason: 'NotFound', retry: 'never' },
  );
}

/** By name, with a namespace where two have it; without a name the only one that is kept. */
export async function findStored(
  name: string | undefined,
  namespace: string | undefined,
  state: StateFile,
): Promise<StoredCluster> {
  const all = await state.clusters();
  if (name === undefined) return onlyOne(all, namespace);
  const found = all.filter((each) => each.name === name && (!namespace || each.namespace === namespace));
  const [first, second] = found;
  if (first && !second) return first;
  const names = all.map((each) => keyText(each)).join(', ') || 'none';
  throw new HansaError(
    second
      ? `there are several clusters called ${name} (${found.map((each) => keyText(each)).join(', ')}): add -n NAMESPACE`
      : `there is no cluster ${name} in the state file: it has ${names}`,
    { reason: 'NotFound', retry: 'never' },
  );
}

function onlyOne(all: readonly StoredCluster[], namespace: string | undefined): StoredCluster {
  const [first, second] = all.filter((each) => !namespace || each.namespace === namespace);
  if (first && !second) return first;
  throw second
    ? invalidOption(`name the cluster: the state file has ${all.map((each) => keyText(each)).join(', ')}`)
    : new HansaError('the state file has no cluster yet: "hansa cluster apply -f FILE" makes one', {
        reason: 'NotFound',
        retry: 'never',
      });
}

export function keyOf({ spec: { namespace, name } }: ReadCluster): ClusterKey {
  return { namespace, name };
}

/** Seals the Secrets of a file in the state; those that are there already are not written. */
export async function keepSecrets(cluster: ReadCluster, state: StateFile): Promise<void> {
  const store = fileClusterStore(state, keyOf(cluster));
  for (const [name, values] of cluster.secrets) {
    const before = await store.secrets.get(name);
    if (JSON.stringify(before) !== JSON.stringify(values)) await store.secrets.put(name, values);
  }
}

/** Keeps the objects of a cluster as they are meant to be; the same as before are not written. */
export async function keepObjects(key: ClusterKey, objects: KeptObjects, state: StateFile): Promise<void> {
  const stored = await state.cluster(key);
  if (JSON.stringify(stored?.objects) === JSON.stringify(objects)) return;
  await state.putObjects(key, objects);
}

/** Objects that a cluster was read from. */
export function objectsOf({ objects }: ReadCluster): KeptObjects {
  return objects.filter(isJsonObject);
}

/** Machines that the state knows and the cluster has no more, and those that were on their way out already. */
export async function leavingOf(cluster: ReadCluster, state: StateFile): Promise<readonly MachineSpec[]> {
  const stored = await state.cluster(keyOf(cluster));
  if (!stored || stored.objects.length === 0) return [];
  const staying = new Set(cluster.spec.machines.map(({ name }) => name));
  const names = machineNames(stored.objects).filter((name) => !staying.has(name));
  return names.length === 0 ? [] : readLeaving(stored.objects, names);
}

async function requireSecrets(
  { spec, needs, secrets }: ReadCluster,
  stored: StoredCluster | undefined,
): Promise<void> {
  const missing = needs.filter(({ name }) => !secrets.has(name) && !stored?.secretNames.includes(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name, use }) => `${name} (${use})`).join(', ');
  throw new HansaError(
    `cluster ${spec.name} names Secrets that are neither in the file nor kept already: ${names}; put them into the file`,
    { reason: 'MissingSecret', retry: 'never' },
  );
}
