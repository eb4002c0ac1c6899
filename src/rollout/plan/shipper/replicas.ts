/**
 * Pods that a share of a release means: rounded up, so that a step has rather too many than too few.
 * Multiplied before it is divided: for whole numbers nothing is lost to floating point.
 */
export function replicasForPercent(totalReplicas: number, percent: number): number {
  return Math.ceil((totalReplicas * percent) / 100);
}

/**
 * Share of a release that is available, in percent, rounded up as Shipper does: it divides before it
 * multiplies, so that 55 of 100 pods are 56 percent. A release of no pods has achieved 0.
 */
export function achievedPercent(totalReplicas: number, availableReplicas: number): number {
  return totalReplicas === 0 ? 0 : Math.ceil((availableReplicas / totalReplicas) * 100);
}
