import { describe, expect, it } from 'vitest';
import { describeCluster, renderCluster } from '../../../src/cli/describe-cluster.ts';
import { describeFederated, renderFederated } from '../../../src/cli/describe-federated.ts';
import { describePreference, renderPreference } from '../../../src/cli/describe-preference.ts';
import { recentEvents } from '../../../src/cli/event-row.ts';
import type { KubeObject } from '../../../src/kube/index.ts';
import type { Member, MemberName } from '../../../src/scheduling/index.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const members: readonly Member[] = [
  { name: 'eu-1' as MemberName, alias: 'A', labels: { region: 'eu' } },
  { name: 'us-1' as MemberName, labels: { region: 'us' } },
];

const status = {
  observedGeneration: 2,
  conditions: [
    {
      type: 'Propagation',
      status: 'False',
      reason: 'CheckClusters',
      message: 'us-1: forbidden',
      lastTransitionTime: '2026-01-01T11:50:00Z',
    },
  ],
  summary: { text: '1/2', selected: 2, inSync: 1, failing: 1, replicas: 8, readyReplicas: 6 },
  clusters: [
    { name: 'eu-1', lastTransitionTime: '2026-01-01T11:57:30Z', replicas: 5, readyReplicas: 5 },
    {
      name: 'us-1',
      status: 'UpdateFailed',
      message: 'member us-1 answered 403: grant it with "hansa join us-1 --update-rbac"',
      lastTransitionTime: '2026-01-01T10:00:00Z',
      replicas: 3,
      readyReplicas: 1,
    },
  ],
};
const metadata = { name: 'web', namespace: 'shop', generation: 2, creationTimestamp: '2025-12-31T12:00:00Z' };
const web: KubeObject = {
  apiVersion: 'types.kubefed.io/v1beta1',
  kind: 'FederatedDeployment',
  metadata,
  spec: {
    template: { spec: { replicas: 3 } },
    placement: { clusters: [{ name: 'A' }, { name: 'us-1' }] },
    overrides: [
      { clusterName: 'A', clusterOverrides: [{ path: '/spec/replicas', value: 5 }] },
      {
        clusterSelector: { matchLabels: { region: 'us' } },
        clusterOverrides: [{ op: 'remove', path: '/spec/paused' }],
      },
    ],
  },
  status,
};
const event: KubeObject = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', creationTimestamp: '2026-01-01T11:00:00Z' },
  type: 'Warning',
  reason: 'UpdateInClusterFailed',
  message: 'us-1: forbidden',
  series: { count: 7, lastObservedTime: '2026-01-01T11:59:00Z' },
};

describe('a federated object, cluster by cluster', () => {
  it('shows state, age, replicas, message, overrides and events', () => {
    const text = renderFederated(describeFederated({ object: web, members, events: [event], nowMs }));
    expect(text).toMatchInlineSnapshot(`
      "Name:       web
      Namespace:  shop
      Kind:       FederatedDeployment (types.kubefed.io/v1beta1)
      Age:        1d
      Placement:  clusters A, us-1
      Clusters:   2 selected, 1 in sync, 0 waiting, 1 failing
      Ready:      6/8

      Clusters
        CLUSTER  STATE         SINCE  READY  MESSAGE
        eu-1     OK            2m30s    5/5  -
        us-1     UpdateFailed     2h    1/3  member us-1 answered 403: grant it with "hansa join us-1 --update-rbac"

      Overrides
        CLUSTER  OP       PATH            VALUE  BY
        eu-1     replace  /spec/replicas  5      clusterName
        us-1     remove   /spec/paused    -      clusterSelector

      Conditions
        TYPE         STATUS  REASON         SINCE  MESSAGE
        Propagation  False   CheckClusters    10m  us-1: forbidden

      Events
        AGE  TYPE     REASON                 COUNT  MESSAGE
         1m  Warning  UpdateInClusterFailed      7  us-1: forbidden"
    `);
  });

  it('finds the overrides of the 2019 shape, as they were written', () => {
    const object = {
      ...web,
      apiVersion: 'types.federation.k8s.io/v1alpha1',
      spec: {
        template: {},
        placement: { clusterNames: ['A'] },
        overrides: [{ clusterName: 'A', clusterOverrides: [{ path: 'spec.replicas', value: 5 }] }],
      },
    };
    const { overrides, placement } = describeFederated({ object, members, events: [], nowMs });
    expect(placement).toBe('clusters A');
    expect(overrides).toEqual([
      { cluster: 'eu-1', op: 'replace', path: 'spec.replicas', value: '5', by: 'clusterName' },
    ]);
  });

  it("never shows what a Secret's override holds", () => {
    const object = {
      ...web,
      kind: 'FederatedSecret',
      spec: {
        template: {},
        overrides: [{ clusterName: 'us-1', clusterOverrides: [{ path: '/data/key', value: 'aGlkZGVu' }] }],
      },
    };
    const description = describeFederated({ object, members, events: [], nowMs });
    expect(JSON.stringify(description)).not.toContain('aGlkZGVu');
    expect(description.overrides[0]?.value).toBe('(hidden)');
  });

  it.each([
    [{}, 'none: neither clusters nor clusterSelector is set'],
    [{ clusters: [] }, 'clusters none, since the list is empty'],
    [{ clusterSelector: {} }, 'every cluster (the selector is empty)'],
    [{ clusterSelector: { matchLabels: { region: 'eu' } } }, 'clusters with region=eu'],
    [
      { clusterSelector: { matchExpressions: [{ key: 'gpu', operator: 'Exists' }] } },
      'clusters with gpu Exists',
    ],
    [{ clusters: [{ name: 'a' }], clusterSelector: {} }, 'clusters a (the list wins over clusterSelector)'],
  ])('says which rule places it: %j', (placement, text) => {
    const object = { ...web, spec: { template: {}, placement } };
    expect(describeFederated({ object, members, events: [], nowMs }).placement).toBe(text);
  });

  it('names the field of a spec that cannot be read', () => {
    const object = { ...web, spec: { placement: { clusters: 'eu-1' } } };
    const text = renderFederated(describeFederated({ object, members, events: [], nowMs }));
    expect(text).toMatch(/Problems\n {2}spec\.placement\.clusters: /);
  });

  it('tells an old status from a current one', () => {
    const object = { ...web, metadata: { ...metadata, generation: 3 } };
    const text = renderFederated(describeFederated({ object, members, events: [], nowMs }));
    expect(text).toMatch(/Note: +the last change of the object has not been looked at yet/);
  });
});

describe('a cluster, described', () => {
  it('shows what it holds up', () => {
    const object: KubeObject = {
      apiVersion: 'core.kubefed.io/v1beta1',
      kind: 'KubeFedCluster',
      metadata: { name: 'us-1', creationTimestamp: '2025-12-31T12:00:00Z', labels: { region: 'us' } },
      spec: { apiEndpoint: 'https://us-1:6443', secretRef: { name: 'us-1-member-token' } },
      status: {
        kubernetesVersion: 'v1.36.3',
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'ClusterReady',
            message: 'fine',
            lastTransitionTime: '2026-01-01T11:00:00Z',
          },
        ],
      },
    };
    const text = renderCluster(
      describeCluster({
        object,
        tokenExpiresAt: '2027-01-01T00:00:00Z',
        federated: [web],
        events: [],
        nowMs,
      }),
    );
    expect(text).toMatchInlineSnapshot(`
      "Name:         us-1
      Labels:       region=us
      Endpoint:     https://us-1:6443
      Secret:       us-1-member-token
      Token until:  2027-01-01T00:00:00Z
      Version:      v1.36.3
      Ready:        True
      Age:          1d

      Conditions
        TYPE   STATUS  REASON        SINCE  MESSAGE
        Ready  True    ClusterReady     1h  fine

      Not in sync here
        OBJECT                        STATE         MESSAGE
        FederatedDeployment shop/web  UpdateFailed  member us-1 answered 403: grant it with "hansa join us-1 --update-rbac""
    `);
  });
});

describe('a preference, described', () => {
  it('shows each number with its reason', () => {
    const object: KubeObject = {
      apiVersion: 'scheduling.kubefed.io/v1alpha1',
      kind: 'ReplicaSchedulingPreference',
      metadata,
      spec: { targetKind: 'FederatedDeployment', totalReplicas: 9 },
      status: {
        clusters: [
          { name: 'eu-1', replicas: 3, because: 'weight 1 of 3' },
          { name: 'us-1', replicas: 6, because: 'weight 2 of 3' },
        ],
        overflow: { 'us-1': 2 },
        unplaced: 0,
      },
    };
    expect(renderPreference(describePreference({ object, events: [], nowMs }))).toMatchInlineSnapshot(`
      "Name:       web
      Namespace:  shop
      Kind:       ReplicaSchedulingPreference (scheduling.kubefed.io/v1alpha1)
      Age:        1d
      Target:     FederatedDeployment web
      Total:      9
      Unplaced:   0

      Division
        CLUSTER  REPLICAS  OVERFLOW  BECAUSE
        eu-1            3         -  weight 1 of 3
        us-1            6         2  weight 2 of 3"
    `);
  });
});

describe('events', () => {
  it('are the last ones, newest last', () => {
    const many = Array.from(
      { length: 40 },
      (_, i): KubeObject => ({
        ...event,
        series: { lastObservedTime: new Date(nowMs - ((i * 7) % 40) * 1000).toISOString() },
      }),
    );
    const times = recentEvents(many).map(
      (each) => (each['series'] as { lastObservedTime: string }).lastObservedTime,
    );
    expect(times).toHaveLength(15);
    expect(times).toEqual([...times].sort());
    expect(times.at(-1)).toBe(new Date(nowMs).toISOString());
  });
});
