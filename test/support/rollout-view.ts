import type { RolloutView } from '../../src/rollout/mode.ts';
import type { GateQuestion } from '../../src/rollout/plan/steps/types.ts';

/** A rollout of a Deployment `web` in two steps over the given clusters; shows only what a test is about. */
export function rolloutView(
  changed: Partial<RolloutView> & { readonly members?: readonly string[] } = {},
): RolloutView {
  const { members = ['m1'], ...rest } = changed;
  const name = rest.name ?? 'web';
  const namespace = rest.namespace ?? 'default';
  return {
    name,
    namespace,
    uid: '7d0e5c1c-0000-4000-8000-000000000001',
    spec: {
      source: { workloadRef: { kind: 'Deployment', name: 'web' } },
      placement: { clusterSelector: {} },
    },
    plan: {
      name,
      namespace,
      mode: 'SideBySide',
      steps: [
        { name: 'canary', capacity: { contender: 10, incumbent: 100 }, pause: undefined, gates: [] },
        { name: 'full', capacity: { contender: 100, incumbent: 0 }, pause: undefined, gates: [] },
      ],
      waves: [{ name: 'first', members, maxConcurrent: members.length, soakMs: 0, gates: [] }],
      progress: 'WaveMajor',
      failurePolicy: 'Pause',
      maxFailedClusters: 0,
      progressDeadlineMs: 600_000,
      // oxlint-disable-next-line unicorn/no-thenable -- a field of the API, and a text
      unreachable: { graceMs: 300_000, action: 'Wait' },
      ignoreIncumbentHealth: false,
      minHealthyPercent: 100,
    },
    contender: { hash: '3f2a9c01', number: 2, content: { kind: 'workload' } },
    incumbent: { hash: '77aa0011', number: 1, content: { kind: 'workload' } },
    isDone: false,
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    ...rest,
  };
}

/** A gate of the first step, asked about one cluster. */
export function gateQuestion(
  gate: Partial<GateQuestion['gate']>,
  changed: Partial<GateQuestion> = {},
): GateQuestion {
  const name = gate.name ?? 'check';
  return {
    key: `3f2a9c01/first/0/m1/${name}`,
    gate: { name, ...gate },
    scope: 'Cluster',
    wave: 'first',
    step: 0,
    stepName: 'canary',
    member: 'm1',
    members: ['m1'],
    rolled: ['m1'],
    notRolled: ['m2'],
    ...changed,
  };
}
