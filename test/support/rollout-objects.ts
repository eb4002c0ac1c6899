import type {
  RolloutClusterStatus,
  RolloutSpec,
  RolloutStatus,
} from '../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { RevisionObject, RolloutObject } from '../../src/cli/rollout/rollout-object.ts';

export const nowMs = Date.UTC(2026, 0, 1, 12);

/** So many seconds before `nowMs`, as the API writes times. */
export function ago(seconds: number): string {
  return new Date(nowMs - seconds * 1000).toISOString();
}

/** Two waves, three steps; a canary that asks Prometheus and waits for a person before the rest. */
export const spec: RolloutSpec = {
  source: { federatedRef: { kind: 'FederatedDeployment', name: 'web' } },
  steps: [
    {
      name: 'canary',
      capacity: { contender: 10 },
      pause: { duration: '5m' },
      gates: [
        {
          name: 'errors',
          prometheus: { url: 'http://prometheus:9090', query: 'errors', success: 'result < 0.01' },
          count: 3,
        },
      ],
    },
    { name: 'half', capacity: { contender: 50 }, pause: { approval: true } },
    { name: 'full', capacity: { contender: 100 } },
  ],
  waves: [
    { name: 'first', clusterSelector: { matchLabels: { canary: 'true' } }, soak: '30m' },
    { name: 'rest', clusterSelector: {} },
  ],
  failurePolicy: 'AbortAll',
};

export interface RolloutParts {
  readonly spec?: Partial<RolloutSpec>;
  readonly status?: RolloutStatus;
  readonly generation?: number;
}

/** The status is about the object as it is now, unless it says otherwise. */
export function rolloutObject({
  spec: fields = {},
  status,
  generation = 2,
}: RolloutParts = {}): RolloutObject {
  return {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'web', namespace: 'shop', generation, creationTimestamp: ago(7200) },
    spec: { ...spec, ...fields },
    ...(status ? { status: { observedGeneration: generation, ...status } } : {}),
  };
}

export function cluster(
  name: string,
  phase: RolloutClusterStatus['phase'],
  more: Partial<RolloutClusterStatus> = {},
): RolloutClusterStatus {
  return { name, phase, ...more };
}

/** Ready and desired replicas, and those with traffic. */
export function side(
  ready: number,
  desired: number,
  traffic?: number,
): NonNullable<RolloutClusterStatus['contender']> {
  return { ready, desired, ...(traffic === undefined ? {} : { traffic }) };
}

export function revisionObject(number: number, revision: string, content: object = {}): RevisionObject {
  return {
    apiVersion: 'rollout.hansa.dev/v1alpha1',
    kind: 'RolloutRevision',
    metadata: { name: `web-${revision}`, namespace: 'shop', creationTimestamp: ago(3600) },
    spec: { rollout: 'web', number, revision, content: content as Readonly<Record<string, unknown>> },
  };
}
