import { describe, expect, it } from 'vitest';
import { viewOf } from '../../../../src/provision/cluster-api/cluster-view.ts';
import { decide, type SeenMember, type Sight } from '../../../../src/provision/cluster-api/decide.ts';
import { registeredUidLabel, sourceLabels } from '../../../../src/provision/registration/words.ts';

const key = { namespace: 'team-a', name: 'shop' };

interface ClusterParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly deletionTimestamp?: string;
}

function cluster({ spec = {}, status = initialized, ...metadata }: ClusterParts = {}) {
  return viewOf({
    apiVersion: 'cluster.x-k8s.io/v1beta2',
    kind: 'Cluster',
    metadata: { ...key, uid: 'uid-1', resourceVersion: '1', labels: wanted, ...metadata },
    spec,
    status,
  });
}

const wanted = { 'provision.hansa.dev/register': 'true' };
const initialized = { initialization: { controlPlaneInitialized: true } };
const ours = { ...sourceLabels({ by: 'ClusterAPI', ...key }), [registeredUidLabel]: 'uid-1' };

function member(
  name: string,
  labels: Readonly<Record<string, string>>,
  more: Partial<SeenMember> = {},
): SeenMember {
  return {
    name,
    labels,
    registeredLabels: Object.keys(labels),
    clusterUid: 'kube-system-1',
    apiEndpoint: 'https://10.0.0.1:6443',
    isDeleting: false,
    ...more,
  };
}

function sight(more: Partial<Sight> = {}): Sight {
  return { key, cluster: cluster(), wasPaused: false, members: [], halfLeft: [], ...more };
}

describe('a Cluster of Cluster API that carries the label', () => {
  it('is joined when its control plane is initialized', () => {
    expect(decide(sight())).toEqual({ kind: 'join', member: 'shop', labels: ours });
  });

  it.each([
    ['not yet, in v1beta2', { initialization: { infrastructureProvisioned: true } }, 'nothing'],
    [
      'not yet, with a condition',
      { conditions: [{ type: 'ControlPlaneInitialized', status: 'False' }] },
      'nothing',
    ],
    ['nobody has said anything', undefined, 'nothing'],
    ['yes, with a condition', { conditions: [{ type: 'ControlPlaneInitialized', status: 'True' }] }, 'join'],
    ['yes, as v1beta1 says it', { controlPlaneReady: true }, 'join'],
  ])('waits for its control plane: %s', (_, status, expected) => {
    expect(decide(sight({ cluster: cluster({ status: status ?? {} }) })).kind).toBe(expected);
  });

  it('is left alone once it is a member', () => {
    expect(decide(sight({ members: [member('shop', ours)] }))).toEqual({
      kind: 'nothing',
      because: 'it is a member',
    });
  });

  it('gives its member the labels of the annotation, and may name it', () => {
    const annotations = {
      'provision.hansa.dev/register-labels': 'region=eu, topology.kubernetes.io/zone=a',
      'provision.hansa.dev/member-name': 'shop-eu',
    };
    expect(decide(sight({ cluster: cluster({ annotations }) }))).toEqual({
      kind: 'join',
      member: 'shop-eu',
      labels: { region: 'eu', 'topology.kubernetes.io/zone': 'a', ...ours },
    });
  });

  it('can not give its member a label that says where it came from', () => {
    const annotations = {
      'provision.hansa.dev/register-labels': 'provision.hansa.dev/registered-namespace=team-b,no label,a=b',
    };
    const seen = cluster({ annotations });
    expect(seen.labels).toEqual({ a: 'b', ...ours });
    expect(seen.badLabels).toEqual(['provision.hansa.dev/registered-namespace=team-b', 'no label']);
  });

  it('is joined again under another name only when it has left under the old one', () => {
    const annotations = { 'provision.hansa.dev/member-name': 'shop-eu' };
    const renamed = cluster({ annotations });
    expect(decide(sight({ cluster: renamed, members: [member('shop', ours)] }))).toMatchObject({
      kind: 'leave',
      member: 'shop',
      access: 'needed',
    });
  });

  it.each([
    ['that a person joined', member('shop', { region: 'eu' }), 'JoinedByHand'],
    [
      'of another Cluster',
      member('shop', sourceLabels({ by: 'ClusterAPI', namespace: 'team-b', name: 'shop' })),
      'NameTaken',
    ],
    [
      'of a KubeCluster',
      member('shop', sourceLabels({ by: 'KubeCluster', namespace: 'team-a', name: 'shop' })),
      'NameTaken',
    ],
  ])('does not take over the member %s', (_, holder, reason) => {
    expect(decide(sight({ members: [holder] }))).toMatchObject({ kind: 'hold', reason });
  });
});

describe('a member that came in by a Cluster', () => {
  const members = [member('shop', ours), member('depot', { region: 'eu' })];

  it.each([
    ['the label went', cluster({ labels: {} }), 'needed'],
    ['the label says otherwise', cluster({ labels: { 'provision.hansa.dev/register': 'false' } }), 'needed'],
    ['the Cluster is being deleted', cluster({ deletionTimestamp: '2026-01-01T00:00:00Z' }), 'if-possible'],
    ['the Cluster is gone', 'gone' as const, 'none'],
  ])('leaves, and no other does: %s', (_, seen, access) => {
    expect(decide(sight({ cluster: seen, members }))).toMatchObject({
      kind: 'leave',
      member: 'shop',
      access,
    });
  });

  it('stays while the Cluster is paused, whatever else is seen', () => {
    const paused = cluster({ labels: {}, spec: { paused: true }, deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(decide(sight({ cluster: paused, members })).kind).toBe('nothing');
  });

  it('stays when the Cluster went while it was paused, as clusterctl move has it', () => {
    expect(decide(sight({ cluster: 'gone', wasPaused: true, members }))).toMatchObject({
      kind: 'hold',
      reason: 'ClusterMovedAway',
    });
  });

  it('leaves to the end where that broke off half way', () => {
    expect(decide(sight({ cluster: cluster({ labels: {} }), halfLeft: ['shop'] }))).toMatchObject({
      kind: 'leave',
      member: 'shop',
    });
  });

  it('is no business of a Cluster of the same name in another namespace', () => {
    const other = { namespace: 'team-b', name: 'shop' };
    expect(decide(sight({ key: other, cluster: 'gone', members })).kind).toBe('nothing');
  });
});
