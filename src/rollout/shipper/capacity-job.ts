import type { Outcome } from '../../kube/index.ts';
import { memberFieldManager, settleAnnotation } from '../plan/shipper-door/words.ts';
import type { HostStore } from './host-store.ts';
import { memberTypes } from './member-records.ts';
import type { MemberSite } from './member-site.ts';
import { after, isReason, onChange } from './member-work.ts';
import { observeCapacity, podsOf, type Sight } from './observe.ts';
import { applicationKeyOf, type CapacityRecord } from './records.ts';

/**
 * Kubernetes' controllers need this long, and rather less, to carry a change of replicas on. When one is taken back
 * before, a Deployment reports pods as available that its ReplicaSet is just about to delete.
 */
const settleMs = 2_500;

export interface CapacityDeps {
  readonly store: HostStore;
  readonly sight: Sight;
  /** The status of the Deployment is believed again. */
  readonly onSettled: (target: CapacityRecord) => void;
}

/** Gives a Release's Deployment in a member the replicas that its CapacityTarget says. */
export async function runCapacity(
  { store, sight, onSettled }: CapacityDeps,
  site: MemberSite,
  key: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const target = store.get('capacity', key);
  const share = target?.spec.clusters.find(({ name }) => name === site.name);
  if (!target || !share) return onChange;
  const seen = observeCapacity(sight, target, share);
  if ('kind' in seen || !seen.deployment) return onChange;
  const { deployment, verdict } = seen;
  if (verdict?.setReplicas === undefined) {
    const restMs = deployment.settlesAtMs - sight.now();
    if (restMs > 0) return after(restMs + 10);
    if (deployment.settlesAtMs > 0 && restMs > -2 * settleMs) onSettled(target);
    return onChange;
  }
  const { namespace, name, replicas = 1 } = deployment;
  const pods = podsOf(site, applicationKeyOf(target) ?? '', key.slice(key.indexOf('/') + 1));
  const isCutShort =
    verdict.setReplicas > replicas && Math.max(pods.length, deployment.availableReplicas) > replicas;
  const settlesAt = new Date(sight.now() + settleMs).toISOString();
  const took = site.deployments.beforeWrite(`${namespace}/${name}`);
  site.sentReplicas.set(key, { value: verdict.setReplicas, atMs: sight.monotonic() });
  try {
    took(
      await site.member.client.patch(
        memberTypes.deployment,
        { namespace, name },
        {
          ...(isCutShort ? { metadata: { annotations: { [settleAnnotation]: settlesAt } } } : {}),
          spec: { replicas: verdict.setReplicas },
        },
        { type: 'merge', fieldManager: memberFieldManager, signal },
      ),
    );
  } catch (error) {
    // It was deleted just now; with the next one the numbers come again.
    if (!isReason(error, 'NotFound')) throw error;
  }
  return isCutShort ? after(settleMs) : onChange;
}
