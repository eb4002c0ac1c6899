import type { MemberObserved, Side } from '../steps/types.ts';
import { allowedPods, newPods } from './decide-tending.ts';
import type { GatedSeen, PodSeen } from './seen.ts';
import { type GatedState, sharesOf } from './state.ts';

type Seen = Extract<MemberObserved, { kind: 'seen' }>;

export interface TellInput {
  readonly seen: GatedSeen;
  readonly state: GatedState;
  /** Revision that the rollout goes to. */
  readonly contender: string;
  /** Revision that the workload itself carries, where propagation noted it. */
  readonly stamp: string | undefined;
  /** What the workload's own template says, for a revision that the rollout does not know of yet. */
  readonly ownRevision: string;
  /** Traffic is steered by pod labels. */
  readonly isSteered: boolean;
  readonly takesStraysBack: boolean;
}

/**
 * What the stepper hears of a gated workload.
 *
 * *Caveats*: the old pods are Kubernetes' own doing, so that side repeats the share that was ordered; a step whose shares
 * of old and new are not 100 together is not held exactly.
 */
export function tellObserved(input: TellInput): Seen {
  const { seen, state, stamp } = input;
  if (seen.newest === state.stable.hash) return tellStable(input);
  const isKnown = state.stable.revision !== input.contender;
  const revision = stamp ?? (isKnown ? input.contender : input.ownRevision);
  const mapped = state.contender;
  // An edit that came after the installation is another revision, though nobody may have noticed it yet.
  const isInstalled =
    isKnown && revision === input.contender && mapped?.hash === seen.newest && mapped?.revision === revision;
  return tellBoth(input, revision, isInstalled);
}

/** The template is the stable one: nothing came yet, it was taken back, or the change touches no pod. */
function tellStable({ seen, state, contender, stamp, isSteered }: TellInput): Seen {
  const revision = stamp ?? state.stable.revision;
  const isInstalled = revision === contender;
  const stable = seen.pods.filter(({ hash, isReady }) => hash === state.stable.hash && isReady).length;
  const strangers = seen.pods.filter(({ hash }) => hash !== state.stable.hash);
  const shares = sharesOf(state, seen.newest);
  const whole: Side = {
    capacityPercent: isInstalled ? shares.contender : 100,
    desired: seen.total,
    ready: stable,
    capacityReady: stable >= seen.total && (isInstalled || strangers.length === 0),
    trafficPercent: isSteered ? (isInstalled ? (shares.traffic?.contender ?? 0) : 100) : undefined,
    trafficReady: stable >= seen.total,
    withTraffic: stable,
  };
  const none: Side = {
    capacityPercent: isInstalled ? shares.incumbent : 0,
    desired: 0,
    ready: strangers.filter(({ isReady }) => isReady).length,
    capacityReady: isInstalled || strangers.length === 0,
    trafficPercent: isSteered ? (isInstalled ? (shares.traffic?.incumbent ?? 100) : 0) : undefined,
    trafficReady: true,
    withTraffic: strangers.filter(({ isReady }) => isReady).length,
  };
  return {
    kind: 'seen',
    revision,
    installed: isInstalled,
    contender: isInstalled ? whole : none,
    incumbent: isInstalled ? none : whole,
    total: seen.total,
    problem: undefined,
  };
}

function tellBoth(input: TellInput, revision: string, installed: boolean): Seen {
  const { seen, state, isSteered, takesStraysBack } = input;
  const note = noteOn(input);
  const shares = sharesOf(state, seen.newest);
  const fresh = newPods(seen, state.stable.hash).filter(({ gateIndex }) => gateIndex === undefined);
  const old = seen.pods.filter(({ hash, isLeaving }) => hash !== seen.newest && !isLeaving);
  const oldReady = count(old, ({ isReady }) => isReady);
  const ready = count(seen.pods, ({ isReady }) => isReady);
  const isWhole = ready >= seen.total;
  const nobodyLeaves = !seen.pods.some(({ isLeaving }) => isLeaving);
  const allowed = allowedPods(seen, shares.contender);
  const up = count(fresh, ({ isUp }) => isUp);
  const serving = count(fresh, ({ isReady }) => isReady);
  const allowedServing = shares.traffic ? Math.min(allowed, allowedPods(seen, shares.traffic.contender)) : 0;
  // What started past the webhook is no failure of the order; a DaemonSet can't be less than it is.
  const extra = count(fresh, ({ wasHeld }) => !wasHeld && !takesStraysBack);
  const isBounded = fresh.length - extra <= allowed || seen.kind === 'DaemonSet';
  return {
    kind: 'seen',
    revision,
    installed,
    contender: {
      capacityPercent: shares.contender,
      desired: allowed,
      ready: up,
      capacityReady: up >= allowed && isBounded && nobodyLeaves,
      trafficPercent: isSteered ? (shares.traffic?.contender ?? 0) : undefined,
      trafficReady:
        serving >= allowedServing && (serving <= allowedServing + extra || seen.kind === 'DaemonSet'),
      withTraffic: serving,
    },
    incumbent: {
      capacityPercent: shares.incumbent,
      desired: seen.total - allowed,
      ready: oldReady,
      capacityReady:
        isWhole &&
        oldReady >= seen.total - allowed - extra &&
        old.length <= Math.max(0, seen.total - Math.min(serving, allowed)),
      trafficPercent: isSteered ? (shares.traffic?.incumbent ?? 100) : undefined,
      trafficReady: isWhole,
      withTraffic: oldReady,
    },
    total: seen.total,
    problem: undefined,
    ...(note === undefined ? {} : { note }),
  };
}

/** What people should know besides the numbers. */
function noteOn({ seen, state }: TellInput): string | undefined {
  const running = newPods(seen, state.stable.hash).filter(({ gateIndex }) => gateIndex === undefined);
  const over = running.length - allowedPods(seen, sharesOf(state, seen.newest).contender);
  const strays = Math.min(
    over,
    count(running, ({ wasHeld }) => !wasHeld),
  );
  if (strays > 0) {
    return `${strays} ${strays === 1 ? 'pod' : 'pods'} of the new revision started beyond the share, while the webhook did not answer`;
  }
  const refused = seen.sets.find(({ hash, refusal }) => hash === seen.newest && refusal !== undefined);
  return refused ? `Kubernetes can't make pods of the new revision: ${refused.refusal}` : undefined;
}

function count(pods: readonly PodSeen[], is: (pod: PodSeen) => boolean): number {
  return pods.filter(is).length;
}
