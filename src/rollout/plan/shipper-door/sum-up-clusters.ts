import { type ShipperCondition, setCondition } from '../shipper/index.ts';

export type TargetReason =
  | 'ClustersNotReady'
  | 'ChartError'
  | 'InternalError'
  | 'TargetClusterClientError'
  | 'InProgress'
  | 'PodsNotReady'
  | 'DeploymentStuck'
  | 'PodsNotInEndpoints'
  | 'UnknownError';

/** What is known of a target in one cluster. */
export type ClusterState =
  | { readonly kind: 'ready' }
  /** The cluster answers, and what is wanted is not so yet. */
  | { readonly kind: 'not-ready'; readonly reason: TargetReason; readonly message: string }
  /** Nothing is known of it, as it cannot be asked. */
  | { readonly kind: 'unreachable'; readonly reason: TargetReason; readonly message: string };

/** The conditions Operational and Ready of one cluster. */
export function clusterConditions(
  before: readonly ShipperCondition[] | undefined,
  state: ClusterState,
  now: string,
): readonly ShipperCondition[] {
  const isOperational = state.kind !== 'unreachable';
  const withOperational = setCondition(
    before ?? [],
    isOperational
      ? { type: 'Operational', status: 'True' }
      : { type: 'Operational', status: 'False', reason: 'InternalError', message: state.message },
    now,
  );
  return setCondition(
    withOperational,
    state.kind === 'ready'
      ? { type: 'Ready', status: 'True' }
      : {
          type: 'Ready',
          status: state.kind === 'unreachable' ? 'Unknown' : 'False',
          reason: state.reason,
          message: state.message,
        },
    now,
  );
}

/** The conditions of a target as a whole, which name each cluster that is not ready. */
export function targetConditions(
  before: readonly ShipperCondition[] | undefined,
  clusters: ReadonlyMap<string, ClusterState>,
  now: string,
): readonly ShipperCondition[] {
  const broken = [...clusters].filter(([, state]) => state.kind === 'unreachable');
  const waiting = [...clusters].filter(([, state]) => state.kind !== 'ready');
  const isOperational = broken.length === 0;
  const withOperational = setCondition(
    before ?? [],
    isOperational
      ? { type: 'Operational', status: 'True' }
      : { type: 'Operational', status: 'False', reason: 'ClustersNotReady', message: told(broken) },
    now,
  );
  return setCondition(
    withOperational,
    waiting.length === 0
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', reason: 'ClustersNotReady', message: told(waiting) },
    now,
  );
}

/** Such as `[eu-1: InProgress; us-1: PodsNotReady (1/3: …)]`. */
export function told(clusters: readonly (readonly [string, ClusterState])[]): string {
  const each = clusters.map(([name, state]) => {
    if (state.kind === 'ready') return name;
    return state.message === '' ? `${name}: ${state.reason}` : `${name}: ${state.reason} (${state.message})`;
  });
  return `[${each.toSorted().join('; ')}]`;
}
