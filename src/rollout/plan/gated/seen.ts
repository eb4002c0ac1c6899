import { schedulingGate, trafficLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { type GatedKind, hashLabels, heldAnnotation, leavingLabel, trafficReadinessGate } from './words.ts';

/** A pod that lives: neither going nor ended. */
export interface PodSeen {
  readonly name: string;
  readonly uid: string;
  readonly hash: string | undefined;
  /** Place of our gate among the pod's gates; undefined once it is lifted. */
  readonly gateIndex: number | undefined;
  /** It came past the webhook. */
  readonly wasHeld: boolean;
  /** Its containers are ready, whether it gets traffic yet or not. */
  readonly isUp: boolean;
  /** Ready for Kubernetes and for Services. */
  readonly isReady: boolean;
  /** Whether traffic was given to it; undefined for a pod that needs no such word to be Ready. */
  readonly isAdmitted: boolean | undefined;
  /** Taken out of its ReplicaSet; serves until others have replaced it. */
  readonly isLeaving: boolean;
  /** When it was taken out, in milliseconds since the epoch. */
  readonly leavingSinceMs: number;
  readonly hasTraffic: boolean;
  /** The node it runs on or is meant for (pods of a DaemonSet are meant for one from the start). */
  readonly node: string | undefined;
  readonly createdAt: string;
}

export interface SetSeen {
  readonly name: string;
  readonly hash: string;
  readonly replicas: number;
  /** Available pods as Kubernetes last counted them: what its own next decision goes by. */
  readonly available: number;
  readonly createdAt: string;
  /** Kubernetes' sentence when pods of it could not be made. */
  readonly refusal: string | undefined;
}

/** One workload in one member, as plain data. */
export interface GatedSeen {
  readonly kind: GatedKind;
  /** Replicas when whole; for a DaemonSet the nodes that should have a pod. */
  readonly total: number;
  /** Kubernetes has seen the latest edit, and divided the latest number of replicas. */
  readonly isSettled: boolean;
  /** Pod hash of the template as it is now; undefined until Kubernetes has seen the edit. */
  readonly newest: string | undefined;
  /** ReplicaSets of a Deployment; none for a DaemonSet. */
  readonly sets: readonly SetSeen[];
  readonly pods: readonly PodSeen[];
  /** How many pods Kubernetes may make beyond the total. */
  readonly maxSurge: number;
}

interface Parts {
  readonly workload: KubeObject;
  /** ReplicaSets or ControllerRevisions that the workload owns. */
  readonly versions: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
}

/** Reads what the member answered. */
export function readSeen(kind: GatedKind, { workload, versions, pods }: Parts): GatedSeen {
  const isObserved = (numberAt(workload, 'status', 'observedGeneration') ?? 0) >= generationOf(workload);
  const sets = kind === 'Deployment' ? versions.map(readSet) : [];
  const newest = isObserved ? newestHash(kind, workload, versions) : undefined;
  const total =
    kind === 'Deployment'
      ? (numberAt(workload, 'spec', 'replicas') ?? 1)
      : (numberAt(workload, 'status', 'desiredNumberScheduled') ?? 0);
  return {
    kind,
    total,
    isSettled: newest !== undefined && (kind === 'DaemonSet' || versions.every((set) => knows(set, total))),
    newest,
    sets,
    pods: pods.filter(isLive).map((pod) => readPod(kind, pod)),
    maxSurge: surgeOf(kind, workload, total),
  };
}

/** The version that Kubernetes made of the template as it is now. */
export function newestVersion(
  kind: GatedKind,
  workload: KubeObject,
  versions: readonly KubeObject[],
): KubeObject | undefined {
  if (kind === 'Deployment') {
    const number = workload.metadata.annotations?.[revisionNumber];
    return versions.find(
      (set) => number !== undefined && set.metadata.annotations?.[revisionNumber] === number,
    );
  }
  return versions.toSorted((one, other) => Number(other['revision'] ?? 0) - Number(one['revision'] ?? 0))[0];
}

const revisionNumber = 'deployment.kubernetes.io/revision';
const desiredReplicas = 'deployment.kubernetes.io/desired-replicas';

function newestHash(
  kind: GatedKind,
  workload: KubeObject,
  versions: readonly KubeObject[],
): string | undefined {
  return newestVersion(kind, workload, versions)?.metadata.labels?.[hashLabels[kind]];
}

/** After a change of replicas the deployment controller first divides them; what it has divided is noted on the sets. */
function knows(set: KubeObject, total: number): boolean {
  if ((numberAt(set, 'spec', 'replicas') ?? 0) === 0) return true;
  return set.metadata.annotations?.[desiredReplicas] === String(total);
}

function readSet(set: KubeObject): SetSeen {
  const conditions = conditionsOf(set);
  const refusal = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return {
    name: set.metadata.name,
    hash: set.metadata.labels?.[hashLabels.Deployment] ?? '',
    replicas: numberAt(set, 'spec', 'replicas') ?? 0,
    available: numberAt(set, 'status', 'availableReplicas') ?? 0,
    createdAt: set.metadata.creationTimestamp ?? '',
    refusal: refusal ? (refusal.message ?? refusal.reason ?? 'pods were refused') : undefined,
  };
}

interface PodSpec {
  readonly nodeName?: string;
  readonly schedulingGates?: readonly { readonly name: string }[];
  readonly readinessGates?: readonly { readonly conditionType: string }[];
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchFields?: readonly { readonly key: string; readonly values?: readonly string[] }[];
        }[];
      };
    };
  };
}

function readPod(kind: GatedKind, pod: KubeObject): PodSeen {
  const spec = (pod['spec'] ?? {}) as PodSpec;
  const { name, uid = '', labels = {}, annotations = {}, creationTimestamp } = pod.metadata;
  const gate = spec.schedulingGates?.findIndex((each) => each.name === schedulingGate) ?? -1;
  const conditions = conditionsOf(pod);
  const isTrue = (wanted: string) =>
    conditions.some(({ type, status }) => type === wanted && status === 'True');
  const needsWord = spec.readinessGates?.some(({ conditionType }) => conditionType === trafficReadinessGate);
  return {
    name,
    uid,
    hash: labels[hashLabels[kind]],
    gateIndex: gate === -1 ? undefined : gate,
    wasHeld: annotations[heldAnnotation] !== undefined,
    isUp: isTrue('Ready') || (needsWord === true && isTrue('ContainersReady')),
    isReady: isTrue('Ready'),
    isAdmitted: needsWord ? isTrue(trafficReadinessGate) : undefined,
    isLeaving: labels[leavingLabel] !== undefined,
    leavingSinceMs: Number(labels[leavingLabel] ?? 0),
    hasTraffic: labels[trafficLabel] === 'enabled',
    node: spec.nodeName ?? nodeMeant(spec),
    createdAt: creationTimestamp ?? '',
  };
}

function nodeMeant({ affinity }: PodSpec): string | undefined {
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const field = matchFields.find(({ key }) => key === 'metadata.name');
    if (field) return field.values?.[0];
  }
  return undefined;
}

function isLive(pod: KubeObject): boolean {
  const { phase } = (pod['status'] ?? {}) as { readonly phase?: string };
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Failed' && phase !== 'Succeeded';
}

function surgeOf(kind: GatedKind, workload: KubeObject, total: number): number {
  const spec = (workload['spec'] ?? {}) as Readonly<
    Record<string, { readonly rollingUpdate?: { readonly maxSurge?: number | string } } | undefined>
  >;
  const given = spec[kind === 'Deployment' ? 'strategy' : 'updateStrategy']?.rollingUpdate?.maxSurge ?? 1;
  const surge = typeof given === 'number' ? given : Math.ceil((Number.parseInt(given, 10) * total) / 100);
  return Math.max(1, surge);
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function conditionsOf(object: KubeObject): readonly Condition[] {
  const { conditions = [] } = (object['status'] ?? {}) as { readonly conditions?: readonly Condition[] };
  return conditions;
}

function numberAt(object: KubeObject, part: 'spec' | 'status', field: string): number | undefined {
  const value = ((object[part] ?? {}) as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'number' ? value : undefined;
}

function generationOf(object: KubeObject): number {
  return object.metadata.generation ?? 0;
}
