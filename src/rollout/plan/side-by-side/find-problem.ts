import { isJsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { findSadPods, type PodSeen, summarizeSadPods } from '../shipper/sad-pods.ts';

export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** What a person must mend before a workload's pods can become ready; undefined while it may just take its time. */
export function findProblem(workload: KubeObject, pods: readonly KubeObject[]): Problem | undefined {
  const { name } = workload.metadata;
  const conditions = conditionsOf(workload);
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (refused) {
    return {
      reason: refused.reason ?? 'ReplicaFailure',
      message: `pods of ${workload.kind} ${name} are refused: ${refused.message ?? 'without a message'}`,
    };
  }
  const sad = describeSadPods(workload, pods);
  const stuck = conditions.find(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  );
  if (stuck) {
    return {
      reason: 'ProgressDeadlineExceeded',
      message: `${workload.kind} ${name} made no progress in time${sad ? `: ${sad}` : `: ${stuck.message ?? ''}`}`,
    };
  }
  return sad === undefined
    ? undefined
    : { reason: 'PodsNotReady', message: `${workload.kind} ${name}: ${sad}` };
}

/** Reasons of waiting containers that pass by themselves. */
const passing = new Set(['', 'ContainerCreating', 'PodInitializing']);

/** `2 of 5: 2x"app" containers with [ImagePullBackOff]`, or why pods find no node. */
function describeSadPods(workload: KubeObject, pods: readonly KubeObject[]): string | undefined {
  const { spec, status } = workload;
  const desired = isJsonObject(spec) && typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
  const ready =
    isJsonObject(status) && typeof status['availableReplicas'] === 'number' ? status['availableReplicas'] : 0;
  const sad = findSadPods(pods.map(readPod));
  const waiting = sad.filter((pod) =>
    [...pod.initContainers, ...pod.containers].some(
      ({ isReady, state, reason }) => !isReady && state === 'Waiting' && !passing.has(reason),
    ),
  );
  if (waiting.length > 0) return `${ready} of ${desired}: ${summarizeSadPods(waiting)}`;
  const homeless = sad.flatMap(({ conditions }) =>
    conditions.filter(({ type, status: value }) => type === 'PodScheduled' && value === 'False'),
  ) as readonly { readonly reason?: string; readonly message?: string }[];
  const [first] = homeless.filter(({ reason }) => reason === 'Unschedulable');
  if (!first) return undefined;
  return `${ready} of ${desired}: ${homeless.length === 1 ? '1 pod fits' : `${homeless.length} pods fit`} on no node: ${first.message ?? 'Unschedulable'}`;
}

interface ConditionShape {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function conditionsOf({ status }: KubeObject): readonly ConditionShape[] {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly ConditionShape[] };
  return conditions;
}

interface ContainerShape {
  readonly name: string;
  readonly ready?: boolean;
  readonly state?: {
    readonly running?: object;
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string };
  };
}

function readPod(pod: KubeObject): PodSeen {
  const { initContainerStatuses = [], containerStatuses = [] } = (pod['status'] ?? {}) as {
    readonly initContainerStatuses?: readonly ContainerShape[];
    readonly containerStatuses?: readonly ContainerShape[];
  };
  return {
    name: pod.metadata.name,
    conditions: conditionsOf(pod),
    initContainers: initContainerStatuses.map(readContainer),
    containers: containerStatuses.map(readContainer),
  };
}

function readContainer({ name, ready = false, state }: ContainerShape): PodSeen['containers'][number] {
  if (state?.running) return { name, isReady: ready, state: 'Running', reason: '' };
  if (state?.terminated) {
    return { name, isReady: ready, state: 'Terminated', reason: state.terminated.reason ?? '' };
  }
  return { name, isReady: ready, state: 'Waiting', reason: state?.waiting?.reason ?? '' };
}
