import type { KubeObject } from '../../kube/index.ts';
import { isStepped, partitionFor, replicasOf, shareOrdered } from '../plan/in-place/index.ts';
import { isAbsent, type Site } from './site.ts';

const podType = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true } as const;

/**
 * Kubernetes never makes a pod below the partition old again by itself, so one that the share no longer lets be new is
 * deleted, and comes back old. One at a time, and only while all are ready.
 */
export async function takeOneBack(site: Site, live: KubeObject): Promise<void> {
  const share = shareOrdered(live);
  if (!isStepped(live) || share === undefined || share === 100) return;
  const { status = {}, spec = {} } = live as {
    readonly status?: {
      readonly observedGeneration?: number;
      readonly currentRevision?: string;
      readonly updateRevision?: string;
      readonly updatedReplicas?: number;
      readonly readyReplicas?: number;
    };
    readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
  };
  const total = replicasOf(live);
  const partition = partitionFor(total, share);
  const { currentRevision, updateRevision = '', updatedReplicas = 0, readyReplicas = 0 } = status;
  const isSettled =
    (status.observedGeneration ?? 0) >= (live.metadata.generation ?? 0) && readyReplicas >= total;
  if (!isSettled || currentRevision === updateRevision || updatedReplicas <= total - partition) return;
  const selector = Object.entries(spec.selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { namespace, name, uid } = live.metadata;
  const pods: KubeObject[] = [];
  const pages = site.client.list(podType, {
    namespace,
    labelSelector: [selector, `controller-revision-hash=${updateRevision}`].filter(Boolean).join(','),
    signal: site.signal,
  });
  for await (const page of pages) pods.push(...page.items);
  const [extra] = pods
    .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid))
    .map((pod) => ({ pod, ordinal: Number(pod.metadata.name.slice(name.length + 1)) }))
    .filter(({ ordinal }) => ordinal < partition)
    .toSorted((a, b) => a.ordinal - b.ordinal);
  if (!extra) return;
  const { metadata } = extra.pod;
  try {
    await site.client.remove(
      podType,
      { namespace, name: metadata.name },
      {
        signal: site.signal,
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          ...(metadata.uid ? { preconditions: { uid: metadata.uid } } : {}),
        },
      },
    );
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
