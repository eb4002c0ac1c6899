import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { settleAnnotation } from '../plan/shipper-door/words.ts';
import { type Cached, keyOf, type KubeObject, type ResourceType } from '../../kube/index.ts';

export const memberTypes = {
  deployment: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true },
  pod: { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
  service: { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  slice: {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
  },
  anchor: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true },
  namespace: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
} as const satisfies Record<string, ResourceType>;

interface MemberRecord extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly application: string | undefined;
  readonly release: string | undefined;
  readonly ownedBy: string | undefined;
  readonly isLeaving: boolean;
}

export interface DeploymentRecord extends MemberRecord {
  readonly replicas: number | undefined;
  readonly isCurrent: boolean;
  readonly availableReplicas: number;
  /** Before this its status may tell of pods that are just being removed. */
  readonly settlesAtMs: number;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
}

export interface PodRecord extends MemberRecord {
  readonly uid: string;
  readonly trafficStatus: string | undefined;
  readonly isReady: boolean;
  readonly conditions: readonly PodCondition[];
  readonly containers: readonly ContainerStatus[];
  readonly initContainers: readonly ContainerStatus[];
}

export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

/** As the kubelet wrote it. */
export interface ContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly running?: object;
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

export interface ServiceRecord extends MemberRecord {
  readonly selector: Readonly<Record<string, string>>;
}

export interface SliceRecord extends MemberRecord {
  readonly service: string;
  /** Names of pods that get traffic. */
  readonly readyPods: readonly string[];
}

export interface AnchorRecord extends MemberRecord {
  readonly inventory: readonly InventoryItem[];
  /** UID of the host's kube-system; empty in anchors that Shipper made. */
  readonly host: string;
}

/** An object that a Release has in a member. */
export interface InventoryItem {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly name: string;
}

/** Where the list is kept in the anchor. */
export const inventoryKey = 'objects';

function memberRecord({ metadata }: KubeObject): MemberRecord {
  const { labels = {} } = metadata;
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    application: labels[shipperLabels.app],
    release: labels[shipperLabels.release],
    ownedBy: labels[shipperLabels.ownedBy],
    isLeaving: metadata.deletionTimestamp !== undefined,
  };
}

export function deploymentRecord(object: KubeObject): DeploymentRecord {
  const spec = (object['spec'] ?? {}) as { readonly replicas?: number };
  const status = (object['status'] ?? {}) as {
    readonly observedGeneration?: number;
    readonly availableReplicas?: number;
    readonly conditions?: DeploymentRecord['conditions'];
  };
  return {
    ...memberRecord(object),
    replicas: spec.replicas,
    isCurrent: (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 0),
    availableReplicas: status.availableReplicas ?? 0,
    settlesAtMs: Date.parse(object.metadata.annotations?.[settleAnnotation] ?? '') || 0,
    conditions: status.conditions ?? [],
  };
}

export function podRecord(object: KubeObject): PodRecord {
  const status = (object['status'] ?? {}) as {
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
  const conditions = status.conditions ?? [];
  return {
    ...memberRecord(object),
    uid: object.metadata.uid ?? '',
    trafficStatus: object.metadata.labels?.[shipperLabels.trafficStatus],
    isReady: conditions.some((each) => each.type === 'Ready' && each.status === 'True'),
    conditions,
    containers: status.containerStatuses ?? [],
    initContainers: status.initContainerStatuses ?? [],
  };
}

export function serviceRecord(object: KubeObject): ServiceRecord {
  const spec = (object['spec'] ?? {}) as { readonly selector?: Readonly<Record<string, string>> };
  return { ...memberRecord(object), selector: spec.selector ?? {} };
}

export function sliceRecord(object: KubeObject): SliceRecord {
  const endpoints = (object['endpoints'] ?? []) as readonly {
    readonly conditions?: { readonly ready?: boolean };
    readonly targetRef?: { readonly kind?: string; readonly name?: string };
  }[];
  return {
    ...memberRecord(object),
    service: object.metadata.labels?.['kubernetes.io/service-name'] ?? '',
    readyPods: endpoints.flatMap(({ conditions, targetRef }) =>
      // Absent means ready, by the API's own words.
      conditions?.ready !== false && targetRef?.kind === 'Pod' && targetRef.name ? [targetRef.name] : [],
    ),
  };
}

export function anchorRecord(object: KubeObject): AnchorRecord {
  const data = (object['data'] ?? {}) as Readonly<Record<string, string>>;
  return { ...memberRecord(object), inventory: readInventory(data[inventoryKey]), host: data['host'] ?? '' };
}

function readInventory(text: string | undefined): readonly InventoryItem[] {
  if (text === undefined) return [];
  try {
    const list = JSON.parse(text) as unknown;
    return Array.isArray(list) ? (list as readonly InventoryItem[]) : [];
  } catch {
    return [];
  }
}

/** `namespace/application`, for lookups by Application. */
export function applicationIndex({ namespace, application }: MemberRecord): readonly string[] {
  return application === undefined ? [] : [keyOf({ namespace, name: application })];
}
