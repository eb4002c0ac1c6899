import { kubeClusterAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient } from '../../kube/index.ts';
import { type ClusterKey, keyText, type StateFile } from '../../provision/index.ts';
import { invalidOption } from '../host-options.ts';

export interface Wish {
  readonly names: readonly string[];
  readonly namespace: string | undefined;
  readonly all: boolean;
}

/** Clusters of the state file, by name or all of them. */
export async function keysInFile(
  state: StateFile,
  { names, namespace, all }: Wish,
): Promise<readonly ClusterKey[]> {
  if (all === names.length > 0) throw invalidOption('name clusters, or say --all');
  const kept = (await state.clusters()).filter(
    ({ objects, movedTo }) => objects.length > 0 || movedTo !== undefined,
  );
  const inNamespace = kept.filter((each) => namespace === undefined || each.namespace === namespace);
  if (all) return inNamespace.map(toKey);
  return names.map((name) =>
    theOne(name, inNamespace.filter((each) => each.name === name).map(toKey), 'the state file'),
  );
}

/** KubeClusters of a host, by name. Where no namespace is given, all are looked through. */
export async function keysOnHost(
  host: ApiClient,
  { names, namespace }: Wish,
): Promise<readonly ClusterKey[]> {
  if (namespace !== undefined) return names.map((name) => ({ namespace, name }));
  const found: ClusterKey[] = [];
  try {
    for await (const { items } of host.list(kubeClusterAddress, {})) {
      found.push(
        ...items.map(({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name })),
      );
    }
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') throw error;
    throw new HansaError(
      `the host ${host.server} does not serve KubeClusters: run "hansa install" there, or apply the files in crds/`,
      { reason: 'CrdsMissing', retry: 'never', cause: error },
    );
  }
  return names.map((name) =>
    theOne(
      name,
      found.filter((each) => each.name === name),
      `the host ${host.server}`,
    ),
  );
}

function theOne(name: string, found: readonly ClusterKey[], where: string): ClusterKey {
  const [first, second] = found;
  if (first && !second) return first;
  throw new HansaError(
    second
      ? `${where} has several clusters called ${name} (${found.map(keyText).join(', ')}): add -n NAMESPACE`
      : `${where} has no cluster ${name}`,
    { reason: 'NotFound', retry: 'never' },
  );
}

function toKey({ namespace, name }: ClusterKey): ClusterKey {
  return { namespace, name };
}
