import type { KubeObject } from '../../../kube/index.ts';
import { shareOf } from '../steps/share.ts';
import type { GateQuestion, PlannedStep, RolloutPlan } from '../steps/types.ts';
import { needsOf, type PodNeeds, type PodSpec } from './pod-needs.ts';
import type { AddedPods } from './room.ts';

/** A workload as the room gate sees it: how many pods of which shape, and how many more while it is replaced. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly replicas: number;
  readonly needs: PodNeeds;
  /** Pods that its own rolling update may add on top. */
  readonly surge: number;
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly template?: { readonly spec?: PodSpec };
  readonly strategy?: {
    readonly type?: string;
    readonly rollingUpdate?: { readonly maxSurge?: number | string };
  };
}

/** The API server's default for Deployments. */
const defaultSurge = '25%';

/** The workload that an object is; undefined for objects without pods of their own. */
export function workloadOf({ kind, metadata, spec }: KubeObject): Workload | undefined {
  const { replicas = 1, template, strategy } = (spec ?? {}) as WorkloadSpec;
  if (!template?.spec?.containers || kind === 'Job') return undefined;
  return {
    kind,
    name: metadata.name,
    // A DaemonSet replaces the pod of each node on that node.
    replicas: kind === 'DaemonSet' ? 0 : replicas,
    needs: needsOf(template.spec),
    surge: kind === 'Deployment' && strategy?.type !== 'Recreate' ? surgeOf(strategy, replicas) : 0,
  };
}

function surgeOf(strategy: WorkloadSpec['strategy'], replicas: number): number {
  const surge = strategy?.rollingUpdate?.maxSurge ?? defaultSurge;
  if (typeof surge === 'number') return surge;
  return shareOf(replicas, Number.parseInt(surge, 10) || 0);
}

/**
 * Pods that the step after this one adds in a member before anything is taken away, since shares are raised before
 * others are lowered. A workload that replaces its own pods adds no more at once than its surge.
 */
export function addedPods(
  plan: Pick<RolloutPlan, 'mode' | 'steps'>,
  next: { readonly from: PlannedStep | undefined; readonly to: PlannedStep | undefined },
  workloads: readonly Workload[],
): readonly AddedPods[] {
  const { from, to } = next;
  if (!to) return [];
  return workloads.map(({ name, replicas, needs, surge }) => {
    const rise = (side: 'contender' | 'incumbent', before: number) =>
      Math.max(
        0,
        shareOf(replicas, to.capacity[side]) - shareOf(replicas, from ? from.capacity[side] : before),
      );
    const count =
      plan.mode === 'SideBySide'
        ? rise('contender', 0) + rise('incumbent', 100)
        : Math.min(rise('contender', 0), surge);
    return { workload: name, count, needs };
  });
}

/** Which members the next step changes, and from what to what. */
export function nextMove(
  plan: Pick<RolloutPlan, 'steps' | 'waves'>,
  { step, wave, member, members }: GateQuestion,
): {
  readonly members: readonly string[];
  readonly from: PlannedStep | undefined;
  readonly to: PlannedStep | undefined;
} {
  const asked = member === undefined ? members : [member];
  if (step !== undefined) return { members: asked, from: plan.steps[step], to: plan.steps[step + 1] };
  // A gate after a wave: this wave has all it wanted, so the next one is meant.
  const following = plan.waves[plan.waves.findIndex(({ name }) => name === wave) + 1];
  if (member !== undefined || !following) return { members: asked, from: undefined, to: undefined };
  return { members: following.members, from: undefined, to: plan.steps[0] };
}
