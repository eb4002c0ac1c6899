import type { KubeObject } from '../../kube/index.ts';
import type { ModeCall, RolloutView } from '../mode.ts';
import { hashLabels, selectorText } from '../plan/gated/index.ts';
import type { MemberObserved, Numbers } from '../plan/steps/types.ts';
import type { Look } from './look.ts';
import type { Site } from './site.ts';

type Seen = Extract<MemberObserved, { kind: 'seen' }>;

interface Side {
  readonly percent: number | undefined;
  readonly ready: boolean;
  readonly withTraffic: number;
}

interface Groups {
  readonly contender: string;
  readonly incumbent: string | undefined;
  readonly all: string;
  readonly podLabels?: Readonly<Record<string, string>>;
}

/** What this mode needs of a traffic router (src/rollout/traffic). */
export interface Router {
  prepare(call: ModeCall, groups: Groups): Promise<void>;
  observe(
    call: ModeCall,
    groups: Groups,
  ): Promise<{ readonly contender: Side; readonly incumbent: Side | undefined }>;
  set(
    call: ModeCall,
    groups: Groups,
    shares: { readonly contender?: number; readonly incumbent?: number },
  ): Promise<void>;
  release(call: ModeCall): Promise<void>;
}

export type RouterFactory = (rollout: RolloutView) => Router;

/** How traffic is steered at one site. */
export interface Steering {
  prepare(): Promise<void>;
  set(traffic: Partial<NonNullable<Numbers['traffic']>> | undefined): Promise<void>;
  release(): Promise<void>;
  tell(seen: Seen): Promise<Seen>;
}

/**
 * With pod labels the Service is the router's, and each pod's label this mode's own (see decideTending): taken away from
 * a pod that serves, it would leave a hole until Kubernetes has made an old one again. Weights are the router's whole.
 */
export function steeringOf(
  createRouter: RouterFactory,
  call: ModeCall,
  site: Site,
  look: Look,
  stable: string,
): Steering {
  const { rollout } = call;
  const isPlanned = rollout.plan.steps.some(({ traffic }) => traffic !== undefined);
  if (!isPlanned || rollout.spec.traffic?.provider === 'None') return unsteered;
  const router = createRouter(rollout);
  const groups = groupsOf(site, look, stable);
  if (site.isSteered) {
    return {
      ...unsteered,
      prepare: () => router.prepare(call, groups),
      release: () => router.release(call),
    };
  }
  return {
    prepare: () => router.prepare(call, groups),
    set: (traffic) => (traffic ? router.set(call, groups, traffic) : Promise.resolve()),
    release: () => router.release(call),
    tell: async (seen) => {
      const { contender, incumbent } = await router.observe(call, groups);
      return {
        ...seen,
        contender: withTraffic(seen.contender, contender),
        ...(seen.incumbent && incumbent ? { incumbent: withTraffic(seen.incumbent, incumbent) } : {}),
      };
    },
  };
}

const unsteered: Steering = {
  prepare: () => Promise.resolve(),
  set: () => Promise.resolve(),
  release: () => Promise.resolve(),
  tell: (seen) => Promise.resolve(seen),
};

function withTraffic(side: Seen['contender'], traffic: Side): Seen['contender'] {
  return {
    ...side,
    trafficPercent: traffic.percent,
    trafficReady: traffic.ready,
    withTraffic: traffic.withTraffic,
  };
}

function groupsOf({ kind }: Site, { workload, selector, seen }: Look, stable: string): Groups {
  const all = selectorText(selector);
  const label = hashLabels[kind];
  return {
    // Before the edit has come there are no new pods, and this selects none.
    contender: `${all},${label}=${seen.newest !== undefined && seen.newest !== stable ? seen.newest : 'none'}`,
    incumbent: `${all},${label}=${stable}`,
    all,
    ...podLabelsOf(workload),
  };
}

function podLabelsOf(workload: KubeObject): Pick<Groups, 'podLabels'> {
  const { template } = (workload['spec'] ?? {}) as {
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
  const podLabels = template?.metadata?.labels;
  return podLabels ? { podLabels } : {};
}
