import { HansaError } from '../../base/index.ts';
import type { ApiClient, ResourceType } from '../../kube/index.ts';

import type { PodCondition, PodSeen } from '../plan/count-pods.ts';

const podType: ResourceType = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

/** Reads a workload's pods in a member, page by page, keeping only what is counted. */
export async function listPods(
  client: ApiClient,
  {
    namespace,
    matchLabels,
    signal,
  }: {
    readonly namespace: string;
    readonly matchLabels: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<readonly PodSeen[]> {
  const labelSelector = Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  if (!labelSelector) {
    throw new HansaError('spec.template.spec.selector.matchLabels is empty, so no pods can be counted', {
      reason: 'InvalidSpec',
      retry: 'never',
    });
  }
  const pods: PodSeen[] = [];
  for await (const { items } of client.list(podType, { namespace, labelSelector, signal })) {
    for (const pod of items) {
      const status = (pod['status'] ?? {}) as {
        readonly conditions?: readonly PodCondition[];
      };
      pods.push({ conditions: status.conditions ?? [] });
    }
  }
  return pods;
}
