/** Where a kind is served. The same fields as the runtime's `ResourceType`. */
export interface KindAddress {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** A kind that Hansa propagates. The next one is a row below, not an `if` anywhere. */
export interface FederatedKind {
  readonly federatedKind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** What members get. */
  readonly target: KindAddress;
  /** Has `spec.replicas`: may be scheduled by a ReplicaSchedulingPreference, and may retain its replicas. */
  readonly hasReplicas: boolean;
  /**
   * Members are watched by metadata only: there is no status worth showing, and the data
   * (a Secret's above all) stays out of Hansa's memory.
   */
  readonly metadataOnly: boolean;
}

/** A group that serves every federated kind, and how its overrides name a field. */
export interface FederatedGroup {
  readonly group: string;
  readonly version: string;
  readonly overrideStyle: 'jsonpatch' | 'dotted';
}

export const federatedGroups = {
  current: { group: 'types.kubefed.io', version: 'v1beta1', overrideStyle: 'jsonpatch' },
  /** The shape of 2019, which guides still teach. */
  legacy: { group: 'types.federation.k8s.io', version: 'v1alpha1', overrideStyle: 'dotted' },
} as const satisfies Record<string, FederatedGroup>;

export const federatedKinds = [
  {
    federatedKind: 'FederatedNamespace',
    plural: 'federatednamespaces',
    shortNames: ['fns'],
    target: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
    hasReplicas: false,
    metadataOnly: true,
  },
  {
    federatedKind: 'FederatedConfigMap',
    plural: 'federatedconfigmaps',
    shortNames: ['fcm'],
    target: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
    hasReplicas: false,
    metadataOnly: true,
  },
  {
    federatedKind: 'FederatedSecret',
    plural: 'federatedsecrets',
    shortNames: ['fsecret'],
    target: { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
    hasReplicas: false,
    metadataOnly: true,
  },
  {
    federatedKind: 'FederatedService',
    plural: 'federatedservices',
    shortNames: ['fsvc'],
    target: { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
    hasReplicas: false,
    metadataOnly: true,
  },
  {
    federatedKind: 'FederatedDeployment',
    plural: 'federateddeployments',
    shortNames: ['fdeploy'],
    target: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
    hasReplicas: true,
    metadataOnly: false,
  },
] as const satisfies readonly FederatedKind[];

export type FederatedKindRow = (typeof federatedKinds)[number];
export type FederatedKindName = FederatedKindRow['federatedKind'];

/** Where a federated kind is served in one of the groups. All are namespaced, FederatedNamespace too. */
export function addressOf(row: FederatedKind, { group, version }: FederatedGroup): KindAddress {
  return { group, version, kind: row.federatedKind, plural: row.plural, namespaced: true };
}

/** Finds the row and group of an object by its apiVersion and kind. */
export function findFederatedKind(
  apiVersion: string,
  kind: string,
): { readonly row: FederatedKindRow; readonly group: FederatedGroup } | undefined {
  const group = Object.values(federatedGroups).find((each) => `${each.group}/${each.version}` === apiVersion);
  const row = federatedKinds.find((each) => each.federatedKind === kind);
  return group && row ? { row, group } : undefined;
}
