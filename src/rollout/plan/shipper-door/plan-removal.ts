import type { OrderedRelease } from '../shipper/index.ts';

/** Who serves when a Release goes. */
export type Successor<Release> =
  /** The complete Release before it comes back first. */
  | { readonly kind: 'restore'; readonly release: Release }
  /** A newer one is complete, or nothing of it serves: nobody has to wait. */
  | { readonly kind: 'nobody-waits' }
  /** A newer one is on its way: this one serves until that is complete. */
  | { readonly kind: 'hold'; readonly until: string };

export interface LeavingRelease extends OrderedRelease {
  /** It has pods with traffic in some cluster. */
  readonly serves: boolean;
}

/**
 * Tells what must come before a Release that is being deleted may go.
 * `others` are the Releases of its Application that stay; none, when the Application goes.
 */
export function successorOf<Release extends OrderedRelease>(
  leaving: LeavingRelease,
  others: readonly Release[],
): Successor<Release> {
  const newer = others.filter(({ generation }) => generation > leaving.generation);
  if (newer.some(({ isComplete }) => isComplete)) return { kind: 'nobody-waits' };
  const before = others
    .filter(({ generation, isComplete }) => generation < leaving.generation && isComplete)
    .toSorted((a, b) => b.generation - a.generation)[0];
  if (before) return { kind: 'restore', release: before };
  const head = newer.toSorted((a, b) => b.generation - a.generation)[0];
  if (head && leaving.serves) return { kind: 'hold', until: head.name };
  return { kind: 'nobody-waits' };
}

/** A Release that comes back, in one cluster. */
export interface RestoredIn {
  readonly cluster: string;
  readonly percent: number;
  readonly weight: number;
  readonly wantedPercent: number;
  readonly wantedWeight: number;
  readonly isInstalled: boolean;
  readonly hasCapacity: boolean;
  readonly hasTraffic: boolean;
}

export type RestoreStep =
  | { readonly kind: 'wait'; readonly for: 'installation' | 'capacity' | 'traffic' }
  | { readonly kind: 'raise-capacity' }
  | { readonly kind: 'raise-traffic' }
  | { readonly kind: 'whole' };

/** Objects first, as new pods read them; then pods, then their traffic. More than is wanted is left alone. */
export function planRestore(seen: RestoredIn): RestoreStep {
  if (!seen.isInstalled) return { kind: 'wait', for: 'installation' };
  if (seen.percent < seen.wantedPercent) return { kind: 'raise-capacity' };
  if (!seen.hasCapacity) return { kind: 'wait', for: 'capacity' };
  if (seen.weight < seen.wantedWeight) return { kind: 'raise-traffic' };
  return seen.hasTraffic ? { kind: 'whole' } : { kind: 'wait', for: 'traffic' };
}

/** A Release that goes, in one cluster. */
export interface LeavingIn {
  readonly cluster: string;
  /** `left`: the cluster is no longer joined, so that nothing can be done there. */
  readonly member: 'reachable' | 'unreachable' | 'left';
  /** It has something there, or that is not known. */
  readonly hasObjects: boolean;
  /** Its targets in this cluster; undefined when they are gone. */
  readonly percent: number | undefined;
  readonly weight: number | undefined;
  readonly podsWithTraffic: number;
  readonly pods: number;
  /** Another serves in its place. */
  readonly isReplaced: boolean;
}

export type LeavingStep =
  | { readonly kind: 'wait'; readonly for: 'member' | 'successor' | 'traffic' | 'capacity' }
  | { readonly kind: 'lower-traffic' }
  | { readonly kind: 'lower-capacity' }
  | { readonly kind: 'remove-objects' }
  | { readonly kind: 'gone' };

/** Traffic goes first, then pods, then objects; each cluster for itself. */
export function planLeaving(seen: LeavingIn): LeavingStep {
  if (seen.member === 'left') return { kind: 'gone' };
  if (seen.member === 'unreachable') return { kind: 'wait', for: 'member' };
  if (!seen.hasObjects) return { kind: 'gone' };
  if (!seen.isReplaced) return { kind: 'wait', for: 'successor' };
  if (seen.weight !== undefined && seen.weight > 0) return { kind: 'lower-traffic' };
  if (seen.weight !== undefined && seen.podsWithTraffic > 0) return { kind: 'wait', for: 'traffic' };
  if (seen.percent !== undefined && seen.percent > 0) return { kind: 'lower-capacity' };
  if (seen.percent !== undefined && seen.pods > 0) return { kind: 'wait', for: 'capacity' };
  return { kind: 'remove-objects' };
}
