/** What the share of a release in a cluster's traffic is worked out from. */
export interface TrafficShare {
  readonly releasePods: number;
  readonly weight: number;
  /** Of all releases of the application in the cluster. */
  readonly totalPods: number;
  readonly totalWeight: number;
}

/**
 * Pods of a release that get traffic, as Shipper counts them. It makes a floating-point percentage of the
 * weights first, so that some exact shares come out a pod too high (55 of 100 over 20 pods: 12). Kept behind
 * its door, or a takeover would move traffic.
 */
export function floatTargetPods({ releasePods, weight, totalPods, totalWeight }: TrafficShare): number {
  const percent = totalWeight === 0 ? 0 : (weight / totalWeight) * 100;
  return Math.min(releasePods, Math.ceil((totalPods * percent) / 100));
}

/** The same without rounding errors: multiplied before divided, over whole numbers. */
export function exactTargetPods({ releasePods, weight, totalPods, totalWeight }: TrafficShare): number {
  if (totalWeight === 0) return 0;
  const product = BigInt(totalPods) * BigInt(weight);
  const divisor = BigInt(totalWeight);
  return Math.min(releasePods, Number((product + divisor - 1n) / divisor));
}
