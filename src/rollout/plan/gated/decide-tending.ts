import { shareOf } from '../steps/index.ts';
import type { GatedSeen, PodSeen, SetSeen } from './seen.ts';

/** One write that keeps a workload at what was ordered. All steps of one decision may be carried out side by side. */
export type TendingStep =
  | { readonly kind: 'lift'; readonly pod: PodSeen; readonly gateIndex: number }
  /** Give traffic to a pod: the label, if traffic is steered by it, and the word without which it is not Ready. */
  | { readonly kind: 'serve'; readonly pod: PodSeen; readonly withLabel: boolean }
  /** Take a pod that serves out of its ReplicaSet, until others have replaced it. */
  | { readonly kind: 'detach'; readonly pod: PodSeen }
  | { readonly kind: 'remove'; readonly pod: PodSeen }
  | { readonly kind: 'scale'; readonly set: SetSeen; readonly to: number }
  /** Kubernetes tries a refused pod again after up to a quarter of an hour; a touched ReplicaSet at once. */
  | { readonly kind: 'wake'; readonly set: SetSeen };

export interface TendingInput {
  readonly seen: GatedSeen;
  /** Pod hash that is never held back. */
  readonly stable: string;
  /** Share of the newest pods that was ordered, in percent. */
  readonly share: number;
  /** Share of pods of the newest revision with traffic, in percent; undefined where pod labels don't steer it. */
  readonly trafficShare: number | undefined;
  /** Pods of the newest revision that started past the webhook are taken back too (`whenWebhookDown: Hold`). */
  readonly takesStraysBack: boolean;
  readonly nowMs: number;
}

/**
 * What is missing between what was ordered and what is there.
 *
 * *Flow*: gates of stable pods; gates up to the share; pods over the share out; other revisions out; the stable
 * ReplicaSet topped up; pods that were taken out removed once enough others serve.
 * *Guarantees*: never more gates lifted than the share; no step makes the number of ready pods smaller than the total,
 * or than it is. Everything is decided from what is there, so a killed controller goes on.
 * *Assumes*: maxUnavailable 0, so that Kubernetes itself removes an old pod only for a new one that is available.
 * *Caveats*: pods of a DaemonSet can't go back to a lower share, since Kubernetes makes its pods of the newest revision
 * only; and a pod of it is let go past the share where its node would have none.
 */
export function decideTending(input: TendingInput): readonly TendingStep[] {
  const { seen, stable } = input;
  const steps = [
    ...seen.pods.filter(({ hash, gateIndex }) => hash === stable && gateIndex !== undefined).map(lift),
    ...serveAll(
      seen.pods.filter(({ hash }) => hash === stable || input.trafficShare === undefined),
      input.trafficShare !== undefined,
    ),
  ];
  if (seen.newest === undefined) return steps;
  steps.push(...wakes(seen));
  if (seen.newest !== stable) {
    steps.push(...(seen.kind === 'Deployment' ? tendDeployment(input, seen.newest) : tendDaemonSet(input)));
  }
  return [...steps, ...removals(seen, input.nowMs)];
}

/** Pods that count for the newest revision: those taken out of it don't. */
export function newPods(seen: GatedSeen, stable: string): readonly PodSeen[] {
  return seen.newest === stable ? [] : seen.pods.filter(({ hash }) => hash === seen.newest);
}

/** How many new pods the share lets run. */
export function allowedPods(seen: GatedSeen, share: number): number {
  return Math.min(seen.total, shareOf(seen.total, share));
}

function tendDeployment(input: TendingInput, newest: string): readonly TendingStep[] {
  const { seen, stable, share, takesStraysBack } = input;
  const fresh = newPods(seen, stable);
  const running = fresh.filter(({ gateIndex }) => gateIndex === undefined);
  const lifted = liftNext(fresh, allowedPods(seen, share) - running.length);
  const over = running
    .filter(({ wasHeld }) => wasHeld || takesStraysBack)
    .toSorted(worstFirst)
    .slice(0, Math.max(0, running.length - allowedPods(seen, share)));
  const idle = over.filter(({ isReady }) => !isReady);
  const room = roomToDetach(seen);
  const serving = [...over.filter(({ isReady }) => isReady), ...servingTooMany(input, over)].slice(0, room);
  const gone = [...idle, ...serving];
  return [
    ...lifted,
    ...idle.map((pod) => ({ kind: 'remove', pod }) as const),
    ...serving.map((pod) => ({ kind: 'detach', pod }) as const),
    ...serveNext(
      input,
      fresh.filter((pod) => !gone.includes(pod)),
    ),
    ...retireOthers(seen, { newest, stable, room: room - serving.length }),
    // A pod that was not given traffic takes no other one's place.
    ...topUp(
      seen,
      stable,
      lifted.length + running.filter((pod) => !gone.includes(pod) && pod.isAdmitted !== false).length,
    ),
  ];
}

/** A pod that serves can't just lose its traffic: like one over the share it goes when another has replaced it. */
function servingTooMany(
  { seen, stable, trafficShare }: TendingInput,
  besides: readonly PodSeen[],
): readonly PodSeen[] {
  if (trafficShare === undefined) return [];
  const serving = newPods(seen, stable).filter((pod) => pod.isReady && !besides.includes(pod));
  return serving
    .filter(({ isAdmitted }) => isAdmitted === true)
    .toSorted(worstFirst)
    .slice(0, Math.max(0, serving.length - allowedPods(seen, trafficShare)));
}

/**
 * After an edit during a rollout there are pods of a revision that is neither stable nor newest. Kubernetes would remove
 * the stable ones first, since it goes by age; so these are taken out, and the stable ones made again.
 */
function retireOthers(
  seen: GatedSeen,
  { newest, stable, room }: { readonly newest: string; readonly stable: string; readonly room: number },
): readonly TendingStep[] {
  const steps: TendingStep[] = [];
  let left = room;
  for (const set of seen.sets) {
    if (set.hash === newest || set.hash === stable || set.replicas === 0) continue;
    const serving = seen.pods.filter(({ hash, isReady }) => hash === set.hash && isReady);
    const leaving = serving.slice(0, Math.max(0, left));
    left -= leaving.length;
    steps.push(...leaving.map((pod) => ({ kind: 'detach', pod }) as const));
    // Only once none are on their way out: scaled first, Kubernetes would choose from those that still serve.
    if (leaving.length === 0 && set.replicas > serving.length) {
      steps.push({ kind: 'scale', set, to: serving.length });
    }
  }
  return steps;
}

/**
 * Kubernetes never raises an old ReplicaSet: not when pods were taken out of the new one, and not enough when the
 * number of replicas grows while new pods wait behind gates. It keeps what is given to it here, as long as old and
 * available new pods together are no more than the total.
 */
function topUp(seen: GatedSeen, stable: string, running: number): readonly TendingStep[] {
  if (!seen.isSettled) return [];
  const set = seen.sets.find(({ hash }) => hash === stable);
  if (!set) return [];
  const others = seen.sets
    .filter(({ hash }) => hash !== stable && hash !== seen.newest)
    .reduce((sum, { replicas }) => sum + replicas, 0);
  const wanted = seen.total - running - others;
  return set.replicas < wanted ? [{ kind: 'scale', set, to: wanted }] : [];
}

function tendDaemonSet(input: TendingInput): readonly TendingStep[] {
  const { seen, stable, share } = input;
  const fresh = newPods(seen, stable);
  const covered = new Set(
    seen.pods.filter(({ gateIndex }) => gateIndex === undefined).map(({ node }) => node),
  );
  const bare = fresh.filter(({ gateIndex, node }) => gateIndex !== undefined && !covered.has(node));
  const running = fresh.filter(({ gateIndex }) => gateIndex === undefined).length + bare.length;
  const others = fresh.filter((pod) => !bare.includes(pod));
  return [
    ...bare.map(lift),
    ...liftNext(others, allowedPods(seen, share) - running),
    ...serveNext(input, fresh),
  ];
}

/**
 * How long Kubernetes may go on counting a pod that was taken out. Until then it may remove an old one for it, and this
 * one must stay in that one's place.
 */
const countedForMs = 3_000;

/** Pods that were taken out go as far as others serve in their place; those that don't serve go at once. */
function removals(seen: GatedSeen, nowMs: number): readonly TendingStep[] {
  const leaving = seen.pods.filter(({ isLeaving }) => isLeaving);
  const broken = leaving.filter(({ isReady }) => !isReady);
  const serving = leaving.filter(({ isReady }) => isReady);
  const missing = Math.max(0, seen.total - podsToStay(seen));
  const dispensable = serving
    .filter(({ leavingSinceMs }) => nowMs - leavingSinceMs >= countedForMs)
    .slice(0, Math.max(0, serving.length - missing));
  return [...broken, ...dispensable].map((pod) => ({ kind: 'remove', pod }));
}

/** Pods that serve and that Kubernetes has no cause to remove, by what it has decided and what it will decide next. */
function podsToStay({ pods, sets, newest, total }: GatedSeen): number {
  const isServing = ({ isLeaving, isReady }: PodSeen) => !isLeaving && isReady;
  const others = sets.filter(({ hash }) => hash !== newest);
  const old = others.reduce((sum, { hash, replicas }) => {
    return sum + Math.min(replicas, pods.filter((pod) => pod.hash === hash && isServing(pod)).length);
  }, 0);
  const fresh = pods.filter((pod) => pod.hash === newest && isServing(pod)).length;
  const newestSet = sets.find(({ hash }) => hash === newest);
  const wanted = others.reduce((sum, { replicas }) => sum + replicas, 0);
  const removable = Math.max(0, wanted + (newestSet?.available ?? 0) - total);
  return Math.min(newestSet?.replicas ?? fresh, fresh) + old - removable;
}

/** Gives traffic to new pods that are up, as far as its share goes. */
function serveNext({ seen, trafficShare }: TendingInput, fresh: readonly PodSeen[]): readonly TendingStep[] {
  if (trafficShare === undefined) return [];
  const isServing = ({ hasTraffic, isAdmitted }: PodSeen) => hasTraffic && isAdmitted !== false;
  const serving = fresh.filter(isServing).length;
  return fresh
    .filter((pod) => pod.isUp && !isServing(pod))
    .toSorted(oldestFirst)
    .slice(0, Math.max(0, allowedPods(seen, trafficShare) - serving))
    .map((pod) => ({ kind: 'serve', pod, withLabel: true }));
}

function serveAll(pods: readonly PodSeen[], withLabel: boolean): readonly TendingStep[] {
  return pods
    .filter((pod) => pod.isAdmitted === false || (withLabel && !pod.hasTraffic))
    .map((pod) => ({ kind: 'serve', pod, withLabel }));
}

function wakes({ sets, pods }: GatedSeen): readonly TendingStep[] {
  return sets
    .filter(({ hash, replicas, refusal }) => {
      return refusal !== undefined && pods.filter((pod) => pod.hash === hash).length < replicas;
    })
    .map((set) => ({ kind: 'wake', set }));
}

function liftNext(pods: readonly PodSeen[], count: number): readonly TendingStep[] {
  return pods
    .filter(({ gateIndex }) => gateIndex !== undefined)
    .toSorted(oldestFirst)
    .slice(0, Math.max(0, count))
    .map(lift);
}

function lift(pod: PodSeen): TendingStep {
  return { kind: 'lift', pod, gateIndex: pod.gateIndex ?? 0 };
}

/** So many pods beyond the total as Kubernetes itself may make. */
function roomToDetach({ pods, maxSurge }: GatedSeen): number {
  return Math.max(0, maxSurge - pods.filter(({ isLeaving }) => isLeaving).length);
}

/** Pods that don't serve go first, then the youngest. */
function worstFirst(one: PodSeen, other: PodSeen): number {
  return (
    Number(one.isReady) - Number(other.isReady) ||
    compare(other.createdAt, one.createdAt) ||
    compare(one.name, other.name)
  );
}

function oldestFirst(one: PodSeen, other: PodSeen): number {
  return compare(one.createdAt, other.createdAt) || compare(one.name, other.name);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
