import type { RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { nextStage, nextStageBack } from '../plan/steps/index.ts';
import type { MemberObserved, Order, RolloutPlan, StageDecision } from '../plan/steps/types.ts';

/** The one thing that is done in each member in this round. */
export interface Deeds {
  readonly install: readonly string[];
  readonly set: ReadonlyMap<string, Extract<StageDecision, { kind: 'set' }>>;
  readonly putBack: readonly string[];
}

/** Orders and what is seen give one deed a member, or none. */
export function deedsFor(
  orders: ReadonlyMap<string, Order>,
  observed: ReadonlyMap<string, MemberObserved>,
  plan: RolloutPlan,
  revision: string,
): Deeds {
  const install: string[] = [];
  const putBack: string[] = [];
  const set = new Map<string, Extract<StageDecision, { kind: 'set' }>>();
  const { ignoreIncumbentHealth, minHealthyPercent } = plan;
  const options = { revision, ignoreIncumbentHealth, minHealthyPercent };
  for (const [name, order] of orders) {
    const seen = observed.get(name);
    if (order.kind === 'hold' || seen?.kind !== 'seen') continue;
    if (order.kind === 'revert' && plan.mode === 'InPlace') {
      // There is one object only: nothing can be raised before it changes back.
      putBack.push(name);
      continue;
    }
    const decision =
      order.kind === 'go' ? nextStage(order.numbers, seen, options) : nextStageBack(seen, options);
    switch (decision.kind) {
      case 'install':
        install.push(name);
        break;
      case 'set':
        set.set(name, decision);
        break;
      case 'reached':
        if (order.kind === 'revert') putBack.push(name);
        break;
      case 'wait':
        break;
    }
  }
  return { install, set, putBack };
}

/** Members that were told to go back and don't answer: what they get when they return must be the old revision, too. */
export function lostOnTheWayBack(
  status: RolloutStatus,
  observed: ReadonlyMap<string, MemberObserved>,
): readonly string[] {
  if (status.abortedBecause === undefined) return [];
  return (status.clusters ?? [])
    .map(({ name }) => name)
    .filter((name) => observed.get(name)?.kind === 'unreachable');
}

/** Clusters that have the last word of a run that is over. */
export function doneMembers({ clusters = [] }: RolloutStatus): readonly string[] {
  return clusters.filter(({ phase }) => phase === 'Done').map(({ name }) => name);
}
