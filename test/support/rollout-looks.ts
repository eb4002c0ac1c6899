import type { RolloutSpec, RolloutStatus } from '../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { KubeObject, ResourceType } from '../../src/kube/index.ts';
import { until } from './look.ts';
import { types, type World } from './world.ts';

export type Rollout = KubeObject & { readonly status?: RolloutStatus };

/** Two waves: the clusters with the label canary, then the others. */
export const canaryFirst: NonNullable<RolloutSpec['waves']> = [
  { name: 'canary', clusterSelector: { matchLabels: { canary: 'true' } } },
  { name: 'rest', clusterSelector: {} },
];

/** One cluster after the other. */
export const oneByOne: NonNullable<RolloutSpec['waves']> = [
  { name: 'each', clusterSelector: {}, maxConcurrentClusters: 1 },
];

export function rolloutOf(name: string, namespace: string, spec: object): KubeObject {
  return {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace },
    spec,
  };
}

/** Ways to look at the rollouts of one world, and to say words to them. */
export function looksAtRollouts(world: () => World) {
  const find = (name: string, namespace: string): Promise<Rollout | undefined> =>
    world().get<{ status?: RolloutStatus }>('Rollout', name, namespace);

  return {
    find,

    /** The status, once the rollout is in that phase. */
    reaches: (
      name: string,
      namespace: string,
      phase: RolloutStatus['phase'],
      timeoutMs?: number,
    ): Promise<RolloutStatus> =>
      until(async () => {
        const status = (await find(name, namespace))?.status;
        // The whole status is what tells why it is not there.
        if (status?.phase !== phase) throw new Error(`not ${phase}: ${JSON.stringify(status, undefined, 1)}`);
        return status as RolloutStatus;
      }, timeoutMs),

    command: async (name: string, namespace: string, words: object): Promise<void> => {
      await world().host.client.patch(
        types['Rollout'] as ResourceType,
        { name, namespace },
        { spec: { command: words } } as never,
        { type: 'merge' },
      );
    },

    /** Images of the pods in a member, by name. */
    images: async (member: string, namespace: string, app: string): Promise<readonly string[]> => {
      const found: string[] = [];
      const pages = world()
        .member(member)
        .client.list(types['Pod'] as ResourceType, { namespace, labelSelector: `app=${app}` });
      for await (const page of pages) {
        for (const pod of page.items) {
          if (pod.metadata.deletionTimestamp) continue;
          const { containers, nodeName } = pod['spec'] as {
            containers: readonly { image: string }[];
            nodeName?: string;
          };
          // One that waits behind a gate has no node.
          if (nodeName) found.push(containers[0]?.image ?? '');
        }
      }
      return found.toSorted();
    },
  };
}
