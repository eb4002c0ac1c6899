import { trafficLabel } from '../../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { TrafficPod } from './choose-pods.ts';
import { fitsSelector } from './selector.ts';

export interface PodGroups {
  readonly contender: string;
  readonly incumbent: string | undefined;
  readonly all: string;
}

export interface PodsSeen {
  /** Of the two sides, without those that are leaving. */
  readonly pods: readonly TrafficPod[];
  /** Pods that the Service selects and the rollout knows nothing of; they go on serving. */
  readonly strangers: readonly OtherPod[];
  /** Pods of neither side that belong to the rollout: old ones that are on their way out. Their label stays as it is. */
  readonly leftovers: readonly OtherPod[];
}

export interface OtherPod {
  readonly name: string;
  readonly isEnabled: boolean;
}

/** Sorts the pods that a Service selects. */
export function readPods(pods: readonly KubeObject[], { contender, incumbent, all }: PodGroups): PodsSeen {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const seen: { pods: TrafficPod[]; strangers: OtherPod[]; leftovers: OtherPod[] } = {
    pods: [],
    strangers: [],
    leftovers: [],
  };
  for (const pod of staying) {
    const { name, labels = {} } = pod.metadata;
    const isEnabled = labels[trafficLabel] === 'enabled';
    if (fitsSelector(contender, labels)) {
      seen.pods.push({ name, side: 'contender', isReady: isReady(pod), isEnabled });
    } else if (incumbent !== undefined && fitsSelector(incumbent, labels)) {
      seen.pods.push({ name, side: 'incumbent', isReady: isReady(pod), isEnabled });
    } else {
      (fitsSelector(all, labels) ? seen.leftovers : seen.strangers).push({ name, isEnabled });
    }
  }
  return seen;
}

interface PodStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function isReady(pod: KubeObject): boolean {
  const { conditions = [] } = (pod['status'] ?? {}) as PodStatus;
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string };
}

/** Names of the pods that EndpointSlices call ready; one with two address families counts once. */
export function readyEndpoints(slices: readonly KubeObject[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const slice of slices) {
    for (const { conditions, targetRef } of (slice['endpoints'] ?? []) as readonly Endpoint[]) {
      // Absent means ready, says the API.
      if (conditions?.ready !== false && targetRef?.kind === 'Pod' && targetRef.name)
        names.add(targetRef.name);
    }
  }
  return names;
}
