import { describe, expect, it } from 'vitest';
import { memberCandidates } from '../../../../src/rollout/plan/shipper-door/member-candidates.ts';
import {
  clusterConditions,
  type ClusterState,
  targetConditions,
} from '../../../../src/rollout/plan/shipper-door/sum-up-clusters.ts';

describe('a member', () => {
  it('without a Cluster object is in the region that its labels say', () => {
    const found = memberCandidates(
      [
        { name: 'm1', labels: { region: 'local', 'capability.hansa.dev/gpu': 'true' } },
        {
          name: 'm2',
          labels: { 'topology.kubernetes.io/region': 'eu', 'capability.hansa.dev/gpu': 'false' },
        },
        { name: 'm3', labels: {} },
      ],
      new Map(),
    );
    expect(found).toEqual([
      { name: 'm1', region: 'local', capabilities: ['gpu'] },
      { name: 'm2', region: 'eu', capabilities: [] },
      { name: 'm3', region: '', capabilities: [] },
    ]);
  });

  it('with a Cluster object is where that says, and chosen as it says', () => {
    const spec = {
      apiMaster: '',
      region: 'us',
      capabilities: ['ssd'],
      scheduler: { unschedulable: true, weight: 900, identity: 'old' },
    };
    const found = memberCandidates([{ name: 'm1', labels: { region: 'local' } }], new Map([['m1', spec]]));
    expect(found).toEqual([
      { name: 'm1', region: 'us', capabilities: ['ssd'], unschedulable: true, weight: 900, identity: 'old' },
    ]);
  });

  it('that was never joined is no candidate', () => {
    expect(memberCandidates([], new Map([['m1', { apiMaster: '', region: 'us' }]]))).toEqual([]);
  });
});

describe('the conditions of a target', () => {
  const now = '2026-01-01T00:00:00Z';
  const ready: ClusterState = { kind: 'ready' };
  const waits: ClusterState = { kind: 'not-ready', reason: 'InProgress', message: '' };
  const lost: ClusterState = {
    kind: 'unreachable',
    reason: 'TargetClusterClientError',
    message: 'm2 is away',
  };

  it('name the clusters that are not ready, and only those', () => {
    const conditions = targetConditions(
      undefined,
      new Map<string, ClusterState>([
        ['m1', ready],
        ['m2', waits],
      ]),
      now,
    );
    expect(conditions).toMatchObject([
      { type: 'Operational', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'ClustersNotReady', message: '[m2: InProgress]' },
    ]);
  });

  it('tell a cluster that waits from one that cannot be asked', () => {
    expect(clusterConditions(undefined, waits, now)).toMatchObject([{ status: 'True' }, { status: 'False' }]);
    expect(clusterConditions(undefined, lost, now)).toMatchObject([
      { type: 'Operational', status: 'False', reason: 'InternalError' },
      { type: 'Ready', status: 'Unknown', reason: 'TargetClusterClientError' },
    ]);
  });

  it('stay the very same list when nothing is new', () => {
    const before = clusterConditions(undefined, waits, now);
    expect(clusterConditions(before, waits, '2027-01-01T00:00:00Z')).toBe(before);
  });
});
