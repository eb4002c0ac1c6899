import { HansaError } from '../base/index.ts';
import type { ApiClient, CallOptions, KubeObject } from '../kube/index.ts';
import type { ShownKind } from './kind-words.ts';

export interface Selection {
  readonly kinds: readonly ShownKind[];
  readonly name?: string | undefined;
  /** Of federated objects and preferences; absent = all. */
  readonly namespace?: string | undefined;
  /** Where the cluster objects are. */
  readonly hostNamespace: string;
  readonly labelSelector?: string | undefined;
}

/** All objects of one kind, from both groups. */
export interface Listing {
  readonly shown: ShownKind;
  readonly objects: readonly KubeObject[];
}

/**
 * Reads what was asked for from the host. A group that the host doesn't serve has no objects.
 * @throws HansaError CrdsMissing if none of the kinds is served, NotFound for a name that isn't there
 */
export async function readObjects(
  client: ApiClient,
  selection: Selection,
  call: CallOptions,
): Promise<readonly Listing[]> {
  let served = false;
  const listings: Listing[] = [];
  for (const shown of selection.kinds) {
    const objects: KubeObject[] = [];
    for (const address of shown.addresses) {
      const namespace = namespaceFor(shown, selection);
      try {
        if (selection.name === undefined) {
          const { labelSelector } = selection;
          for await (const { items } of client.list(address, { ...call, namespace, labelSelector })) {
            // Items of a list carry no apiVersion and kind of their own in some answers.
            objects.push(
              ...items.map((item) => ({ ...item, apiVersion: apiVersion(address), kind: address.kind })),
            );
          }
        } else {
          objects.push(await client.get(address, { namespace, name: selection.name }, call));
        }
        served = true;
      } catch (error) {
        const reason = error instanceof HansaError ? error.reason : undefined;
        if (reason === 'NotFound' || reason === 'NamespaceNotFound') served = true;
        else if (reason !== 'KindNotServed') throw error;
      }
    }
    listings.push({ shown, objects });
  }
  if (!served) {
    throw new HansaError(
      `the host ${client.server} serves none of Hansa's kinds: run "hansa install", or apply the files in crds/`,
      { reason: 'CrdsMissing', retry: 'never' },
    );
  }
  if (selection.name !== undefined && listings.every(({ objects }) => objects.length === 0)) {
    throw notFound(selection, selection.name);
  }
  return listings;
}

export function namespaceFor(
  { family }: ShownKind,
  { namespace, hostNamespace }: Selection,
): string | undefined {
  return family === 'cluster' ? hostNamespace : namespace;
}

function notFound(selection: Selection, name: string): HansaError {
  const kinds = selection.kinds.map(({ kind }) => kind).join(' or ');
  const [first] = selection.kinds;
  const namespace = first && namespaceFor(first, selection);
  return new HansaError(
    `there is no ${kinds} "${name}"${namespace ? ` in namespace "${namespace}"` : ''}: "hansa get all -A" shows what there is`,
    { reason: 'NotFound', retry: 'never' },
  );
}

function apiVersion({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}
