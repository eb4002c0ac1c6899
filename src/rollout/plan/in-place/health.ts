import type { KubeObject } from '../../../kube/index.ts';

/** How one object in a member stands. */
export interface Health {
  /** Pods it has when whole; 0 for what has no pods. */
  readonly total: number;
  /** Pods of its newest revision. */
  readonly updated: number;
  /** Ready pods, of whatever revision. */
  readonly ready: number;
  /** The server has taken note of the last change, and nothing of an older revision is left. */
  readonly isWhole: boolean;
  /** The server has taken note of the last change. */
  readonly isSeen: boolean;
  /** Pods of two revisions are meant to be there: an update is under way. */
  readonly isMixed: boolean;
  readonly problem: { readonly reason: string; readonly message: string } | undefined;
}

interface Seen {
  readonly spec?: {
    readonly replicas?: number | null;
    readonly paused?: boolean;
    readonly completions?: number;
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly availableReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly phase?: string;
  };
}

/** Judges an object by what its kind tells in its status; a kind that tells nothing is good when it exists. */
export function healthOf(object: KubeObject): Health {
  const { spec = {}, status = {} } = object as Seen;
  const isCurrent = (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
  const isTrue = (type: string) =>
    status.conditions?.find((each) => each.type === type && each.status === 'True');
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet': {
      const total = spec.replicas ?? 1;
      const { updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status;
      const ready = object.kind === 'Deployment' ? (status.availableReplicas ?? 0) : readyReplicas;
      const updated = isCurrent ? updatedReplicas : 0;
      return {
        total,
        updated,
        ready,
        isWhole: isCurrent && updated >= total && ready >= total && replicas <= total,
        isSeen: isCurrent,
        isMixed: status.currentRevision !== status.updateRevision,
        problem: stuck(object, status.conditions),
      };
    }
    case 'DaemonSet': {
      const total = status.desiredNumberScheduled ?? 0;
      const updated = isCurrent ? (status.updatedNumberScheduled ?? 0) : 0;
      const ready = status.numberReady ?? 0;
      return {
        total,
        updated,
        ready,
        isWhole: isCurrent && updated >= total && ready >= total,
        isSeen: isCurrent,
        isMixed: false,
        problem: undefined,
      };
    }
    case 'Job': {
      const failed = isTrue('Failed');
      return {
        ...noPods,
        isWhole: isTrue('Complete') !== undefined,
        problem: failed
          ? {
              reason: 'ClusterFailed',
              message: `Job ${object.metadata.name} failed: ${failed.message ?? failed.reason ?? 'see its pods'}`,
            }
          : undefined,
      };
    }
    case 'CustomResourceDefinition':
      return { ...noPods, isWhole: isTrue('Established') !== undefined };
    case 'Namespace':
      return { ...noPods, isWhole: status.phase !== 'Terminating' };
    case 'PersistentVolumeClaim':
      // A claim of a class that waits for its first pod stays pending until then, so it can't be waited for.
      return { ...noPods, isWhole: status.phase !== 'Lost' };
    default:
      return noPods;
  }
}

const noPods: Health = {
  total: 0,
  updated: 0,
  ready: 0,
  isWhole: true,
  isSeen: true,
  isMixed: false,
  problem: undefined,
};

/** Quota or admission refuses pods: waiting doesn't help. A late Deployment is no problem yet; the deadline judges. */
function stuck(
  { kind, metadata }: KubeObject,
  conditions: NonNullable<Seen['status']>['conditions'] = [],
): Health['problem'] {
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return refused
    ? {
        reason: 'ClusterFailed',
        message: `${kind} ${metadata.name} cannot create pods: ${refused.message ?? refused.reason ?? ''}`,
      }
    : undefined;
}
