import type { ConditionSeen, ContainerStateSeen } from './capacity-report.ts';

/** Parts of a Pod that the report is made of, as the API has them. */
export interface ReportedPod {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
    readonly containerStatuses?: readonly ReportedContainer[];
  };
}

interface ReportedContainer {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly running?: object;
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: {
    readonly reason?: string;
    readonly message?: string;
    readonly signal?: number;
    readonly exitCode?: number;
  };
}

/** What a report counts of pods: for each of a pod's conditions the state of all its containers. */
export function conditionsOfPods(pods: readonly ReportedPod[]): readonly ConditionSeen[] {
  return pods.flatMap(({ metadata, status }) => {
    const containers = (status?.containerStatuses ?? []).map((one) => stateOf(metadata.name, one));
    return (status?.conditions ?? []).map(({ type, status: value, reason = '' }) => ({
      type,
      status: value,
      reason,
      podCount: 1,
      containers,
    }));
  });
}

function stateOf(
  pod: string,
  { name, restartCount = 0, state, lastState }: ReportedContainer,
): ContainerStateSeen {
  // After a restart the last end tells more than the present state.
  const message = endMessage(restartCount > 0 ? lastState : state);
  if (state?.running) return { name, pod, state: 'Running', reason: '', message };
  if (state?.terminated) {
    return { name, pod, state: 'Terminated', reason: state.terminated.reason ?? '', message };
  }
  // The API's default for a container without any state.
  return { name, pod, state: 'Waiting', reason: state?.waiting?.reason ?? '', message };
}

function endMessage(state: ContainerState | undefined): string {
  if (!state?.terminated) return '';
  const { message, signal = 0, exitCode = 0 } = state.terminated;
  if (message) return message;
  return signal > 0 ? `Terminated with signal ${signal}` : `Terminated with exit code ${exitCode}`;
}
