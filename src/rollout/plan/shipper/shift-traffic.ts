import { byBytes } from './byte-order.ts';
import { floatTargetPods, type TrafficShare } from './target-pods.ts';

/** A pod of the application in one cluster. */
export interface TrafficPod {
  readonly name: string;
  /** Undefined for a pod that belongs to no release. */
  readonly release: string | undefined;
  /** Value of the label for traffic; undefined where it has none. */
  readonly label: string | undefined;
  /** Whether it is among the ready addresses of the Service's endpoints. */
  readonly isReady: boolean;
}

export interface ReleaseWeight {
  readonly release: string;
  readonly weight: number;
}

export interface TrafficShift {
  readonly release: string;
  readonly targetPods: number;
  /** As many pods are reached as should be, which says nothing of the weight: pods may be too few for it. */
  readonly isReady: boolean;
  readonly achievedWeight: number;
  readonly podsReady: number;
  readonly podsLabeled: number;
  /** Names of pods whose label changes. */
  readonly toEnable: readonly string[];
  readonly toDisable: readonly string[];
}

/**
 * Tells for each release of an application in one cluster how many pods get traffic, and which labels
 * change for it. Pods of no release count among all pods, as they do in Shipper.
 */
export function shiftTraffic(
  weights: readonly ReleaseWeight[],
  pods: readonly TrafficPod[],
  targetPodsOf: (share: TrafficShare) => number = floatTargetPods,
): readonly TrafficShift[] {
  const totalWeight = weights.reduce((sum, { weight }) => sum + weight, 0);
  return weights.map(({ release, weight }) => {
    const own = pods.filter((pod) => pod.release === release).toSorted((a, b) => byBytes(a.name, b.name));
    const targetPods = targetPodsOf({
      releasePods: own.length,
      weight,
      totalPods: pods.length,
      totalWeight,
    });
    const podsReady = own.filter(({ isReady }) => isReady).length;
    const isReady = podsReady === targetPods;
    const enabled = own.filter(({ label }) => label === 'enabled');
    // A label with any other word is someone's own: such a pod is left alone.
    const disabled = own.filter(({ label }) => label === undefined || label === 'disabled');
    const missing = isReady ? 0 : targetPods - enabled.length;
    return {
      release,
      targetPods,
      isReady,
      achievedWeight: pods.length === 0 ? 0 : Math.round((podsReady / pods.length) * totalWeight),
      podsReady,
      podsLabeled: enabled.length,
      toEnable: namesOfFirst(disabled, missing),
      toDisable: namesOfFirst(enabled, -missing),
    };
  });
}

function namesOfFirst(pods: readonly TrafficPod[], count: number): readonly string[] {
  return pods.slice(0, Math.max(0, count)).map(({ name }) => name);
}
