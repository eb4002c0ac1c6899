import type { KubeObject } from '../kube/index.ts';
import { clusterColumns, clusterRow } from './cluster-row.ts';
import { federatedColumns, federatedRow, kindLabel } from './federated-row.ts';
import { preferenceColumns, preferenceRow } from './preference-row.ts';
import type { Listing } from './read-objects.ts';
import type { RolloutObject } from './rollout/rollout-object.ts';
import { rolloutColumns, rolloutRow } from './rollout/rollout-row.ts';
import { renderTable } from './table.ts';

export interface RenderOptions {
  readonly nowMs: number;
  readonly wide: boolean;
  /** Whether objects of several namespaces may stand in one table. */
  readonly allNamespaces: boolean;
}

/** A table a family, in the order clusters, federated objects, preferences, rollouts; empty ones are left out. */
export function renderListings(
  listings: readonly Listing[],
  { nowMs, wide, allNamespaces }: RenderOptions,
): string {
  const of = (family: Listing['shown']['family']) =>
    listings.filter(({ shown }) => shown.family === family).flatMap(({ objects }) => objects);
  const federated = [...of('federated')].sort(byNamespaceAndName);
  const preferences = [...of('preference')].sort(byNamespaceAndName);
  const rollouts = [...of('rollout')].sort(byNamespaceAndName);
  const columns = (objects: readonly KubeObject[], asked: number) => ({
    kind: asked > 1 || new Set(objects.map(kindLabel)).size > 1,
    namespace: allNamespaces,
  });
  const askedFor = (family: string) => listings.filter(({ shown }) => shown.family === family).length;
  const tables = [
    table(of('cluster'), (rows) =>
      renderTable(
        clusterColumns(),
        rows.map((each) => clusterRow(each, nowMs)),
        { wide },
      ),
    ),
    table(federated, (rows) =>
      renderTable(
        federatedColumns(columns(rows, askedFor('federated'))),
        rows.map((each) => federatedRow(each, nowMs)),
        { wide },
      ),
    ),
    table(preferences, (rows) =>
      renderTable(
        preferenceColumns(columns(rows, askedFor('preference'))),
        rows.map((each) => preferenceRow(each, nowMs)),
        { wide },
      ),
    ),
    table(rollouts, (rows) =>
      renderTable(
        rolloutColumns({ namespace: allNamespaces }),
        rows.map((each) => rolloutRow(each as RolloutObject, nowMs)),
        { wide },
      ),
    ),
  ];
  return tables.filter(Boolean).join('\n\n');
}

function table(objects: readonly KubeObject[], render: (objects: readonly KubeObject[]) => string): string {
  return objects.length === 0 ? '' : render(objects);
}

function byNamespaceAndName(a: KubeObject, b: KubeObject): number {
  const key = ({ metadata, kind, apiVersion }: KubeObject) =>
    `${metadata.namespace ?? ''}\0${kind}\0${metadata.name}\0${apiVersion}`;
  return key(a) < key(b) ? -1 : 1;
}

/** `federateddeployment.types.kubefed.io/web`, as `kubectl get -o name` has it. */
export function objectName({ apiVersion, kind, metadata }: KubeObject): string {
  const [group, version] = apiVersion.split('/');
  return `${kind.toLowerCase()}${version ? `.${group}` : ''}/${metadata.name}`;
}

/** One object as it is, several as a List; without managedFields, which nobody reads. */
export function listingsAsData(
  listings: readonly Listing[],
  { single }: { readonly single: boolean },
): unknown {
  const items = listings.flatMap(({ objects }) => objects).map(withoutManagedFields);
  if (single && items.length === 1) return items[0];
  return { apiVersion: 'v1', kind: 'List', items };
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
