import type { Clock } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { ModeCall, RolloutView } from '../mode.ts';
import type { Labels } from '../plan/traffic/index.ts';
import { createGatewayRouter } from './gateway-router.ts';
import { createPodLabelsRouter } from './pod-labels-router.ts';

/** The pods that traffic is divided over, as label selectors. */
export interface TrafficGroups {
  readonly contender: string;
  readonly incumbent: string | undefined;
  readonly all: string;
  /** What the pods belong to; absent: the pods that exist tell it, and no number is promised. */
  readonly workloads?: readonly {
    readonly podLabels: Labels;
    /** Ready pods of all revisions that must keep traffic, whatever the shares say. */
    readonly promised: number;
  }[];
}

export interface TrafficSide {
  /** Share that was last ordered; undefined where traffic is not steered (yet). */
  readonly percent: number | undefined;
  /** What was ordered is there: endpoints, or a route that was accepted. */
  readonly ready: boolean;
  /** Ready pods behind the Service, or the weight. */
  readonly withTraffic: number;
}

export interface TrafficSeen {
  readonly contender: TrafficSide;
  readonly incumbent: TrafficSide | undefined;
  /** Which pods the Service leads to, where traffic is divided over pods. */
  readonly selector?: Labels;
}

export interface TrafficShares {
  readonly contender?: number;
  readonly incumbent?: number;
}

/**
 * Steers the traffic of one rollout in one member. Everything it knows is stored there, so any process goes on.
 *
 * *Guarantees*: `observe` writes nothing; what is raised is raised before anything is lowered, within a call too; no
 * call makes the ready pods with traffic fewer than promised; after `release` nothing of ours is left.
 * *Caveats*: `prepare`, `set` and `release` may be repeated, and must be when they say that something is not there yet.
 */
export interface TrafficRouter {
  /** Puts the steering in place, with all traffic where it is: on the incumbent. Nothing that serves loses traffic. */
  prepare(call: ModeCall, groups: TrafficGroups): Promise<void>;
  observe(call: ModeCall, groups: TrafficGroups): Promise<TrafficSeen>;
  /** Makes it as it was ordered again, where anything was: new pods, a selector that somebody set back. */
  mend(call: ModeCall, groups: TrafficGroups): Promise<void>;
  /** Orders shares; those not named stay. */
  set(call: ModeCall, groups: TrafficGroups, shares: TrafficShares): Promise<void>;
  /** Traffic goes as the pods do again, and nothing of ours stays. */
  release(call: ModeCall): Promise<void>;
}

/** Whether a rollout steers traffic at all: a step says so, and no one has switched it off. */
export function isSteering({ plan, spec }: Pick<RolloutView, 'plan' | 'spec'>): boolean {
  return spec.traffic?.provider !== 'None' && plan.steps.some(({ traffic }) => traffic !== undefined);
}

export interface RouterDeps {
  readonly clock: Clock;
}

export function createRouter(
  rollout: Pick<RolloutView, 'plan' | 'spec'>,
  deps: RouterDeps = { clock: systemClock },
): TrafficRouter {
  const byLabels = createPodLabelsRouter(deps);
  const byRoute = createGatewayRouter();
  const chosen = rollout.spec.traffic?.provider === 'GatewayAPI' ? byRoute : byLabels;
  return {
    ...(isSteering(rollout) ? chosen : unsteered),
    // Somebody may have changed the provider meanwhile, and nothing of ours may stay.
    release: async (call) => {
      await byLabels.release(call);
      await byRoute.release(call);
    },
  };
}

const asPodsGo: TrafficSide = { percent: undefined, ready: true, withTraffic: 0 };

/** Traffic goes as the pods do. */
const unsteered: TrafficRouter = {
  prepare: () => Promise.resolve(),
  observe: (_, { incumbent }) =>
    Promise.resolve({ contender: asPodsGo, incumbent: incumbent === undefined ? undefined : asPodsGo }),
  mend: () => Promise.resolve(),
  set: () => Promise.resolve(),
  release: () => Promise.resolve(),
};
