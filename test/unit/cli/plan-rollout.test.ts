import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readMembers } from '../../../src/cli/offline/cluster-flags.ts';
import { runPlanRollout } from '../../../src/cli/offline/plan-rollout.ts';

const members = readMembers('eu1,us1,us2', ['eu1:region=eu', 'us1:region=us', 'us2:region=us']);
const text = `apiVersion: rollout.hansa.dev/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  source: {manifests: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 4}}]}
  placement: {clusterSelector: {}}
  steps:
    - {name: canary, capacity: {contender: 10}, traffic: {contender: 5}, pause: {duration: 90s, approval: true}}
    - {name: full, capacity: {contender: 100}, traffic: {contender: 100}}
  waves:
    - {name: europe, clusterSelector: {matchLabels: {region: eu}}, soak: 1h}
    - {name: rest, clusterSelector: {}, maxConcurrentClusters: 1}
`;

function plan(more: Partial<Parameters<typeof runPlanRollout>[0]> = {}) {
  return runPlanRollout({
    text,
    members,
    replicas: undefined,
    replicasByCluster: {},
    format: undefined,
    ...more,
  });
}

describe('plan rollout', () => {
  it('shows every step of every wave with numbers, waits and the room it takes', () => {
    expect(plan().out).toMatchInlineSnapshot(`
      "#  WAVE    STEP    CLUSTER  NEW  OLD  TRAFFIC  EXTRA PODS  THEN
      1  europe  canary  eu1        1    4  5/95              1  pause 1m30s, approval
      2  europe  full    eu1        4    0  100/0             4  soak 1h
      3  rest    canary  us1        1    4  5/95              1  pause 1m30s, approval
      4  rest    full    us1        4    0  100/0             4  -
      5  rest    canary  us2        1    4  5/95              1  pause 1m30s, approval
      6  rest    full    us2        4    0  100/0             4  -

      Mode SideBySide, WaveMajor; a failure leads to Pause. At most 4 pods more than the workload has are needed at once.
      "
    `);
  });

  it('takes other numbers of replicas, for all or for one cluster', () => {
    const rows = (more: Parameters<typeof plan>[0]) =>
      (
        JSON.parse(plan({ ...more, format: 'json' }).out) as {
          rows: { cluster: string; contender: number }[];
        }
      ).rows;
    expect(rows({ replicas: 20 })[0]).toMatchObject({ cluster: 'eu1', contender: 2, incumbent: 18 });
    expect(rows({ replicasByCluster: { eu1: 100 } })[0]).toMatchObject({ contender: 10, incumbent: 90 });
    expect(rows({ replicasByCluster: { eu1: 100 } })[2]).toMatchObject({ cluster: 'us1', contender: 1 });
  });

  it('names the field of what can never work', () => {
    const bad = text.replace('{contender: 10}, traffic', '{contender: 0}, traffic');
    expect(() => plan({ text: bad })).toThrow(
      /spec\.steps\[0\]\.traffic\.contender: must be 0 while capacity\.contender is 0/,
    );
  });

  it('says who is not one of the clusters, and goes on', () => {
    const named = text.replace('clusterSelector: {matchLabels: {region: eu}}', 'clusters: [eu1, mars]');
    const { out, err } = plan({ text: named });
    expect(err).toContain(
      'note: spec.waves[0].clusters[1]: "mars" is not the name or alias of a joined cluster',
    );
    expect(out).toContain('europe');
  });

  it('passes over what else a file holds', () => {
    const { err } = plan({ text: `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n${text}` });
    expect(err).toContain('Namespace shop: passed over');
  });

  it.each([
    'examples/demo-rollout/02-rollout.yaml',
    'examples/rollout/01-federated-deployment-in-waves.yaml',
    'examples/rollout/02-gated-with-prometheus.yaml',
    'examples/rollout/03-side-by-side.yaml',
    'examples/rollout/05-statefulset.yaml',
  ])('can show %s', (file) => {
    const path = fileURLToPath(new URL(`../../../${file}`, import.meta.url));
    expect(plan({ text: readFileSync(path, 'utf8') }).out).toContain('WAVE');
  });
});
