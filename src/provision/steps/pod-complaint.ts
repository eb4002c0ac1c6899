/** What is read of a pod here. */
export interface PodLook {
  readonly metadata?: { readonly name?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type?: string;
      readonly status?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly {
      readonly ready?: boolean;
      readonly restartCount?: number;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

/** Why a pod isn't ready, as Kubernetes tells it; undefined: it is, or nothing is told yet. */
export function podComplaint({ metadata, status = {} }: PodLook): string | undefined {
  const name = metadata?.name ?? 'a pod';
  const conditions = status.conditions ?? [];
  const unplaced = conditions.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unplaced) return `${name} finds no node: ${unplaced.message ?? 'no reason is given'}`;
  const waiting = (status.containerStatuses ?? []).find(({ state }) => state?.waiting?.reason);
  const why = waiting?.state?.waiting;
  if (why && why.reason !== 'ContainerCreating' && why.reason !== 'PodInitializing') {
    return `${name} waits: ${[why.reason, why.message].filter(Boolean).join(', ')}`;
  }
  const restarts = (status.containerStatuses ?? []).find(({ restartCount = 0 }) => restartCount > 0);
  const isReady = conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return !isReady && restarts ? `${name} was restarted ${restarts.restartCount ?? 0} times` : undefined;
}
