/** What one member runs of a workload, as KubeFed's planner counts it. */
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
  readonly phase: string | undefined;
  readonly conditions: readonly PodCondition[];
}

/** Counts pods as KubeFed does: running ones that have a Ready condition, and those that no node takes. */
export function countPods(pods: readonly PodSeen[], replicas: number, nowMs: number): WorkloadCount {
  let running = 0;
  let unschedulable = 0;
  let young = false;
  for (const { phase, conditions } of pods) {
    // Only that the condition is there counts, not its value.
    if (phase === 'Running' && conditions.some(({ type }) => type === 'Ready')) running++;
    const stuck = conditions.find(
      ({ type, status, reason }) =>
        type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
    );
    if (!stuck) continue;
    if (nowMs - Date.parse(stuck.lastTransitionTime ?? '') > unschedulableAfterMs) unschedulable++;
    else young = true;
  }
  return {
    current: running,
    // A rolling update has more pods than replicas; room for fewer than none is none.
    ...(unschedulable > 0 ? { capacity: Math.max(0, replicas - unschedulable) } : {}),
    ...(young ? { recheckAfterMs } : {}),
  };
}
