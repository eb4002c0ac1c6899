import { toHub } from '../../../src/api/convert/to-hub.ts';
import { type FederatedKindRow, federatedKinds } from '../../../src/api/federated-kinds.ts';
import type { FederatedHub } from '../../../src/api/hub.ts';
import type { Member, MemberName } from '../../../src/scheduling/index.ts';

export function member(
  name: string,
  options: { alias?: string; labels?: Record<string, string> } = {},
): Member {
  return { name: name as MemberName, labels: {}, ...options };
}

interface Wish {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly shape?: '2019' | 'today';
  readonly [specField: string]: unknown;
}

/** A federated object as the engine knows it; what is no name or kind goes into its spec. */
export function hub({
  kind = 'FederatedDeployment',
  name = 'web',
  namespace = 'shop',
  shape = 'today',
  ...spec
}: Wish = {}): FederatedHub {
  const apiVersion = shape === '2019' ? 'types.federation.k8s.io/v1alpha1' : 'types.kubefed.io/v1beta1';
  const read = toHub({ apiVersion, kind, metadata: { name, namespace }, spec });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.hub;
}

export function rowOf(kind: string): FederatedKindRow {
  const row = federatedKinds.find(({ federatedKind }) => federatedKind === kind);
  if (!row) throw new Error(`no row for ${kind}`);
  return row;
}

/** A record of a federated object, in place and healthy. */
export function record(object: FederatedHub) {
  return {
    row: rowOf(object.source.kind),
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    deleting: false,
    hasFinalizer: true,
    orphan: false,
    spec: { ok: true as const, hub: object },
  };
}

/** A record whose spec can't be read. */
export function brokenRecord(kind = 'FederatedDeployment') {
  const problems = [{ field: 'spec.placement', message: 'must be a map' }];
  return { ...record(hub({ kind })), spec: { ok: false as const, problems } };
}
