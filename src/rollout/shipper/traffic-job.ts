import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import type { Clock, Json } from '../../base/index.ts';
import { keyOf, type Outcome } from '../../kube/index.ts';
import { memberFieldManager } from '../plan/shipper-door/words.ts';
import { memberTypes, type PodRecord } from './member-records.ts';
import { type MemberSite, ofApplication, type Sent, sentLimitMs } from './member-site.ts';
import { after, isReason, onChange } from './member-work.ts';
import { podsWithTraffic, type Sight, trafficIn } from './observe.ts';

/** How long a pod that got the label may take into the endpoints before others lose theirs all the same. */
const settleMs = 5_000;
const checkMs = 150;
/** Removal takes pods without traffic first; Kubernetes takes those that cost least. */
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const parallelPatches = 8;

/**
 * Moves the labels for traffic in a member as the TrafficTargets of an Application say.
 *
 * *Guarantees*: pods that shall have traffic get it first, and others lose theirs when those are in the endpoints, so
 * that a shift never leaves fewer pods with traffic than before and after.
 */
export async function runTraffic(
  { sight, clock }: { readonly sight: Sight; readonly clock: Clock },
  site: MemberSite,
  application: string,
  signal: AbortSignal,
): Promise<Outcome> {
  if (!site.hasSynced) return onChange;
  const shifts = trafficIn(sight, site, application);
  const pods = new Map(ofApplication(site.pods, application).map((pod) => [pod.name, pod]));
  forgetOld(site, clock);
  const toEnable = podsNamed(
    pods,
    shifts.flatMap((shift) => shift.toEnable),
  );
  if (toEnable.length > 0) {
    await labelAll(site, toEnable, 'enabled', clock, signal);
    return after(checkMs);
  }
  const toDisable = podsNamed(
    pods,
    shifts.flatMap((shift) => shift.toDisable),
  );
  if (toDisable.length === 0) return onChange;
  const there = podsWithTraffic(site, application);
  const isComing = [...pods.values()].some(
    ({ uid, name, isReady, isLeaving }) =>
      isReady && !isLeaving && !there.has(name) && wasJustEnabled(site.sentLabels.get(uid), clock),
  );
  if (isComing) return after(checkMs);
  await labelAll(site, toDisable, 'disabled', clock, signal);
  return onChange;
}

function podsNamed(pods: ReadonlyMap<string, PodRecord>, names: readonly string[]): readonly PodRecord[] {
  return names.flatMap((name) => pods.get(name) ?? []);
}

function wasJustEnabled(sent: Sent<string> | undefined, clock: Clock): boolean {
  return sent?.value === 'enabled' && clock.monotonic() - sent.atMs < settleMs;
}

function forgetOld({ sentLabels }: MemberSite, clock: Clock): void {
  for (const [uid, { atMs }] of sentLabels)
    if (clock.monotonic() - atMs > sentLimitMs) sentLabels.delete(uid);
}

async function labelAll(
  site: MemberSite,
  pods: readonly PodRecord[],
  status: 'enabled' | 'disabled',
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (const { uid } of pods) site.sentLabels.set(uid, { value: status, atMs: clock.monotonic() });
  for (let at = 0; at < pods.length; at += parallelPatches) {
    await Promise.all(pods.slice(at, at + parallelPatches).map((pod) => label(site, pod, status, signal)));
  }
}

async function label(
  site: MemberSite,
  { namespace, name, uid }: PodRecord,
  status: 'enabled' | 'disabled',
  signal: AbortSignal,
): Promise<void> {
  const took = site.pods.beforeWrite(keyOf({ namespace, name }));
  const patch: Json = {
    // A pod of a StatefulSet comes back under its name.
    metadata: {
      uid,
      labels: { [shipperLabels.trafficStatus]: status },
      annotations: { [deletionCost]: status === 'enabled' ? '100' : '0' },
    },
  };
  try {
    took(
      await site.member.client.patch(memberTypes.pod, { namespace, name }, patch, {
        type: 'merge',
        fieldManager: memberFieldManager,
        signal,
      }),
    );
  } catch (error) {
    // Gone, or another one by now.
    if (!isReason(error, 'NotFound', 'Conflict')) throw error;
  }
}
