import { replicasForPercent } from './replicas.ts';
import { findSadPods, type PodSeen, summarizeSadPods } from './sad-pods.ts';

/** The Deployment of a release in one cluster, and its pods. */
export interface DeploymentSeen {
  readonly replicas: number | undefined;
  /** The Deployment's controller has seen the newest spec. */
  readonly isCurrent: boolean;
  readonly availableReplicas: number;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
  readonly pods: readonly PodSeen[];
}

export interface CapacityVerdict {
  /** What the Deployment must be set to; undefined where it is. */
  readonly setReplicas: number | undefined;
  readonly isReady: boolean;
  readonly reason: '' | 'InProgress' | 'DeploymentStuck' | 'PodsNotReady';
  readonly message: string;
  readonly sadPods: readonly PodSeen[];
}

/** Whether a cluster has exactly the pods that a CapacityTarget wants, and if not, why. */
export function judgeCapacity(
  { percent, totalReplicaCount }: { readonly percent: number; readonly totalReplicaCount: number },
  deployment: DeploymentSeen,
): CapacityVerdict {
  const wanted = replicasForPercent(totalReplicaCount, percent);
  if (deployment.replicas !== wanted) return { ...inProgress, setReplicas: wanted };
  // Its status still tells of the time before.
  if (!deployment.isCurrent) return inProgress;
  if (deployment.availableReplicas === wanted) return { ...inProgress, isReady: true, reason: '' };

  const sadPods = findSadPods(deployment.pods);
  const stuck =
    conditionOf(deployment, 'ReplicaFailure', 'True') ?? conditionOf(deployment, 'Progressing', 'False');
  // An exceeded quota or a passed deadline explains more than the pods do.
  if (stuck) return { ...inProgress, reason: 'DeploymentStuck', message: stuck.message ?? '', sadPods };
  if (sadPods.length === 0) return inProgress;
  const message = `${sadPods.length}/${wanted}: ${summarizeSadPods(sadPods)}`;
  return { ...inProgress, reason: 'PodsNotReady', message, sadPods };
}

const inProgress: CapacityVerdict = {
  setReplicas: undefined,
  isReady: false,
  reason: 'InProgress',
  message: '',
  sadPods: [],
};

function conditionOf({ conditions }: DeploymentSeen, type: string, status: string) {
  return conditions.find((condition) => condition.type === type && condition.status === status);
}
