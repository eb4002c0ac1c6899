import type { ClusterCondition } from './cluster-record.ts';

/** What one look at a member's API server showed. */
export type Probe =
  | { readonly kind: 'ready'; readonly version: string }
  /** It answered, but not that it is ready, or not to us. */
  | { readonly kind: 'not-ready'; readonly message: string }
  | { readonly kind: 'offline'; readonly message: string }
  /** No client could be made from the cluster object. */
  | { readonly kind: 'malformed'; readonly message: string };

export interface Health {
  /** `unknown` until the first probe has ended. */
  readonly kind: 'unknown' | Probe['kind'];
  readonly message: string;
  readonly version: string | undefined;
  readonly sinceMs: number;
  /** Consecutive probes that said something else than `kind`. */
  readonly against: number;
}

export interface Thresholds {
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export const unknownHealth: Health = {
  kind: 'unknown',
  message: '',
  version: undefined,
  sinceMs: 0,
  against: 0,
};

/**
 * Counts consecutive probes against what is reported, both ways. KubeFed counted how long the reported state had
 * lasted, so that one lost probe took a long-healthy member out (kubefed#1496).
 */
export function nextHealth(health: Health, probe: Probe, thresholds: Thresholds, nowMs: number): Health {
  const version = probe.kind === 'ready' ? probe.version : health.version;
  const message = probe.kind === 'ready' ? '' : probe.message;
  if (health.kind === 'unknown' || probe.kind === 'malformed') {
    return health.kind === probe.kind
      ? { ...health, message }
      : { kind: probe.kind, message, version, sinceMs: nowMs, against: 0 };
  }
  const wasReady = health.kind === 'ready';
  const isReady = probe.kind === 'ready';
  if (wasReady === isReady) {
    // From offline to not-ready and back needs no threshold: the member is out of use either way.
    return health.kind === probe.kind
      ? { ...health, message, version, against: 0 }
      : { kind: probe.kind, message, version, sinceMs: nowMs, against: 0 };
  }
  const against = health.against + 1;
  const needed = isReady ? thresholds.successThreshold : thresholds.failureThreshold;
  return against >= needed
    ? { kind: probe.kind, message, version, sinceMs: nowMs, against: 0 }
    : { ...health, against };
}

/** KubeFed's conditions for a health: types, statuses and reasons are those of its cluster controller. */
export function conditionsOf(
  health: Health,
  previous: readonly ClusterCondition[],
  nowMs: number,
): ClusterCondition[] {
  const now = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return shapesOf(health).map((shape) => {
    const old = previous.find(({ type }) => type === shape.type);
    const same = old?.status === shape.status && old.reason === shape.reason;
    return { ...shape, lastProbeTime: now, lastTransitionTime: (same && old.lastTransitionTime) || now };
  });
}

function shapesOf({
  kind,
  message,
}: Health): { type: string; status: string; reason: string; message: string }[] {
  switch (kind) {
    case 'unknown':
      return [];
    case 'ready':
      return [
        { type: 'Ready', status: 'True', reason: 'ClusterReady', message: '/readyz responded with ok' },
      ];
    case 'not-ready':
      return [
        { type: 'Ready', status: 'False', reason: 'ClusterNotReady', message },
        { type: 'Offline', status: 'False', reason: 'ClusterReachable', message: 'the API server answers' },
      ];
    case 'offline':
      return [
        // KubeFed lets the Ready condition vanish here; a printer column then shows nothing, so ours says Unknown.
        { type: 'Ready', status: 'Unknown', reason: 'ClusterNotReachable', message },
        { type: 'Offline', status: 'True', reason: 'ClusterNotReachable', message },
      ];
    case 'malformed':
      return [
        { type: 'Ready', status: 'Unknown', reason: 'ClusterConfigMalformed', message },
        { type: 'ConfigMalformed', status: 'True', reason: 'ClusterConfigMalformed', message },
      ];
  }
}
