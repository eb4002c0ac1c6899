import type { StrategyStep } from '../../../api/shipper.booking.com/v1alpha1/release-environment.ts';
import { byBytes } from './byte-order.ts';
import type { Stage } from './stages.ts';

/** The condition Ready of a target, over all its clusters. */
export interface Readiness {
  readonly isReady: boolean;
  /** Which clusters are not, and why. */
  readonly message: string;
}

export interface CapacityShare {
  readonly name: string;
  readonly percent: number;
  readonly totalReplicaCount: number;
}

export interface TrafficWeight {
  readonly name: string;
  readonly weight: number;
}

/** A release's InstallationTarget, CapacityTarget and TrafficTarget, as they are. */
export interface ReleaseTargets {
  readonly release: string;
  readonly installation: Readiness;
  /** Current: status tells of the newest spec. */
  readonly capacity: Readiness & { readonly isCurrent: boolean; readonly clusters: readonly CapacityShare[] };
  readonly traffic: Readiness & { readonly isCurrent: boolean; readonly clusters: readonly TrafficWeight[] };
}

/** The spec that a target must get. */
export type TargetPatch =
  | {
      readonly kind: 'capacity';
      readonly release: string;
      readonly percent: number;
      readonly clusters: readonly CapacityShare[];
    }
  | {
      readonly kind: 'traffic';
      readonly release: string;
      readonly weight: number;
      readonly clusters: readonly TrafficWeight[];
    };

export type StageCheck =
  | { readonly kind: 'achieved' }
  | { readonly kind: 'not-achieved'; readonly message: string; readonly patch: TargetPatch | undefined };

/** Whether a stage is achieved in every cluster: the numbers stand, they were seen, and they are reality. */
export function checkStage(
  { target }: Stage,
  { release, installation, capacity, traffic }: ReleaseTargets,
  numbers: { readonly percent: number; readonly weight: number },
): StageCheck {
  switch (target) {
    case 'installation': {
      if (installation.isReady) return { kind: 'achieved' };
      const message = `clusters pending installation: ${installation.message}. ${details('it', release)}`;
      return { kind: 'not-achieved', message, patch: undefined };
    }
    case 'capacity': {
      const { percent } = numbers;
      const others = capacity.clusters.filter((cluster) => cluster.percent !== percent);
      const waits = waitsIn(capacity, others);
      if (waits === undefined) return { kind: 'achieved' };
      const clusters = capacity.clusters.map((cluster) => ({ ...cluster, percent }));
      return {
        kind: 'not-achieved',
        message: `release "${release}" hasn't achieved capacity in clusters: ${waits}. ${details('ct', release)}`,
        patch: others.length > 0 ? { kind: 'capacity', release, percent, clusters } : undefined,
      };
    }
    case 'traffic': {
      const { weight } = numbers;
      const others = traffic.clusters.filter((cluster) => cluster.weight !== weight);
      const waits = waitsIn(traffic, others);
      if (waits === undefined) return { kind: 'achieved' };
      const clusters = traffic.clusters.map((cluster) => ({ ...cluster, weight }));
      return {
        kind: 'not-achieved',
        message: `release "${release}" hasn't achieved traffic in clusters: ${waits}. ${details('tt', release)}`,
        patch: others.length > 0 ? { kind: 'traffic', release, weight, clusters } : undefined,
      };
    }
  }
}

/** The numbers of a step for a release, as contender or as incumbent. */
export function numbersOf({ capacity, traffic }: StrategyStep, role: 'contender' | 'incumbent') {
  return { percent: capacity[role], weight: traffic[role] };
}

interface Named {
  readonly name: string;
}

/** Undefined where nothing is waited for. Always in the same order, or each look would write a new message. */
function waitsIn(
  target: Readiness & { readonly isCurrent: boolean; readonly clusters: readonly Named[] },
  others: readonly Named[],
): string | undefined {
  if (others.length > 0) return namesOf(others);
  if (!target.isCurrent) return namesOf(target.clusters);
  return target.isReady ? undefined : target.message;
}

function namesOf(clusters: readonly Named[]): string {
  const names = clusters.map(({ name }) => name).toSorted(byBytes);
  return `[${names.join(' ')}]`;
}

function details(kind: string, release: string): string {
  return `for more details try \`kubectl describe ${kind} ${release}\``;
}
