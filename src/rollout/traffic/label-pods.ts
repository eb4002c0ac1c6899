import { rolloutFieldManager, trafficLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { KubeObject } from '../../kube/index.ts';
import { deletionCostAnnotation, servingCost } from '../plan/traffic/index.ts';
import { type TrafficSite, trafficTypes, unlessGone } from './member-objects.ts';

/** A rollout of hundreds of pods must not take all connections to a member. */
const parallelWrites = 8;

/**
 * Sets or takes away the traffic label of pods, and with it the deletion cost by which Kubernetes scales down pods
 * without traffic first. Another cost that somebody set there stays.
 */
export async function labelPods(
  site: TrafficSite,
  pods: readonly KubeObject[],
  names: readonly string[],
  value: 'enabled' | null,
): Promise<void> {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const queue = [...names];
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      await unlessGone(
        labelPod(site, name, byName.get(name)?.metadata.annotations?.[deletionCostAnnotation], value),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelWrites, names.length) }, work));
}

async function labelPod(
  { client, namespace, signal }: TrafficSite,
  name: string,
  cost: string | undefined,
  value: 'enabled' | null,
): Promise<void> {
  const isCostOurs = cost === undefined || cost === servingCost;
  await client.patch(
    trafficTypes.pod,
    { namespace, name },
    {
      metadata: {
        labels: { [trafficLabel]: value },
        ...(isCostOurs
          ? { annotations: { [deletionCostAnnotation]: value === null ? null : servingCost } }
          : {}),
      },
    },
    { type: 'merge', fieldManager: rolloutFieldManager, signal },
  );
}
