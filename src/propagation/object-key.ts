import { type FederatedKind, federatedKinds } from '../api/federated-kinds.ts';
import { keyOf, refOf } from '../kube/index.ts';

/** `deployments.apps|namespace/name`: a federated object of either group, named by what members get. */
export type ObjectKey = string & { readonly brand: 'ObjectKey' };

/** Name of a propagated kind, as FederatedTypeConfig names it: `<plural>[.<group>]`. */
export type KindId = string;

export function kindIdOf({ target }: FederatedKind): KindId {
  return target.group ? `${target.plural}.${target.group}` : target.plural;
}

const rows = new Map<KindId, FederatedKind>(federatedKinds.map((row) => [kindIdOf(row), row]));

export function objectKey(
  row: FederatedKind,
  ref: { readonly namespace: string; readonly name: string },
): ObjectKey {
  return `${kindIdOf(row)}|${keyOf(ref)}` as ObjectKey;
}

export function parseObjectKey(key: ObjectKey): {
  readonly row: FederatedKind;
  readonly kindId: KindId;
  readonly namespace: string;
  readonly name: string;
} {
  const bar = key.indexOf('|');
  const kindId = key.slice(0, bar);
  const row = rows.get(kindId);
  const { namespace = '', name } = refOf(key.slice(bar + 1));
  if (!row) throw new Error(`no federated kind ${kindId}`);
  return { row, kindId, namespace, name };
}

/** Where the object is in members: a FederatedNamespace stands for the namespace it is in. */
export function targetRef(key: ObjectKey): { readonly namespace?: string; readonly name: string } {
  const { row, namespace, name } = parseObjectKey(key);
  return row.target.namespaced ? { namespace, name } : { name };
}

/** The federated object that a managed object in a member belongs to. */
export function ownerKey(
  row: FederatedKind,
  ref: { readonly namespace?: string; readonly name: string },
): ObjectKey {
  // A FederatedNamespace has its namespace's name; no other cluster-scoped kind is propagated yet.
  return objectKey(row, { namespace: ref.namespace ?? ref.name, name: ref.name });
}
