/** What one member holds of a workload, for the planner. */
export interface WorkloadCount {
  readonly current: number;
  /** Replicas the member can run at most; absent when nothing says that it can't run more. */
  readonly capacity?: number;
  /** Pods are unschedulable, but not for long: look again after this. */
  readonly recheckAfterMs?: number;
}

/** A pod that finds no node for longer than this counts against the member's capacity (KubeFed behaviour). */
const unschedulableAfterMs = 60_000;
const recheckAfterMs = 10_000;

export interface PodCondition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly lastTransitionTime?: string;
}

export interface PodSeen {
  readonly conditions: readonly PodCondition[];
}

/**
 * Tells what a member holds of a workload that has not all of its replicas ready.
 *
 * A replica counts as held unless no node takes it for a minute. KubeFed counted running pods alone: a plan made while
 * pods were starting then gave their replicas away to other members, and without `rebalance` that stayed.
 */
export function countPods(pods: readonly PodSeen[], replicas: number, nowMs: number): WorkloadCount {
  let unschedulable = 0;
  let young = false;
  for (const { conditions } of pods) {
    const stuck = conditions.find(
      ({ type, status, reason }) =>
        type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
    );
    if (!stuck) continue;
    if (nowMs - Date.parse(stuck.lastTransitionTime ?? '') > unschedulableAfterMs) unschedulable++;
    else young = true;
  }
  // A rolling update has more pods than replicas; room for fewer than none is none.
  const held = Math.max(0, replicas - unschedulable);
  return {
    current: held,
    ...(unschedulable > 0 ? { capacity: held } : {}),
    ...(young ? { recheckAfterMs } : {}),
  };
}
