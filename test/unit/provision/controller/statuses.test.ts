import { describe, expect, it } from 'vitest';
import { clusterStatus } from '../../../../src/provision/controller/cluster-status.ts';
import type { ClusterStory } from '../../../../src/provision/controller/cluster-story.ts';
import { machineStatus } from '../../../../src/provision/controller/machine-status.ts';
import type { Plan, Step } from '../../../../src/provision/plan/steps.ts';
import { member, observed, spec } from '../plan/day-two-world.ts';

const now = Date.UTC(2026, 10, 23, 12);
const names = ['m1', 'm2', 'm3', 'w1'];
const versions = Object.fromEntries(names.map((name) => [name, '1.36.3']));
const nothingToDo: Plan = { steps: [], refusals: [], warnings: [] };

function step(change: Partial<Step>): Step {
  return {
    id: 'w1/join-worker',
    kind: 'join-worker',
    machine: 'w1',
    title: 'join as worker',
    reason: 'Node w1 does not exist',
    needs: [],
    inputs: {},
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
    ...change,
  };
}

function story(change: Partial<ClusterStory> = {}): ClusterStory {
  return {
    spec: spec(names),
    generation: 2,
    before: undefined,
    isDeleting: false,
    observed: observed(versions),
    certificates: {
      status: 'True',
      reason: 'Valid',
      message: 'the first to end is apiserver',
      daysLeft: 300,
      firstExpiry: now + 300 * 86_400_000,
    },
    backup: { verdict: { kind: 'never' }, newest: undefined, newestName: undefined, complaint: undefined },
    plan: nothingToDo,
    failure: undefined,
    operation: undefined,
    now,
    ...change,
  };
}

function condition(status: ReturnType<typeof clusterStatus>, type: string) {
  const found = status.conditions?.find((each) => each.type === type);
  return found && `${found.status} ${found.reason}`;
}

describe('the status of a cluster', () => {
  it('is Ready when every machine is and nothing is left to do', () => {
    const status = clusterStatus(story());
    expect(status).toMatchObject({
      phase: 'Ready',
      summary: 'all is as the spec wants it',
      version: '1.36.3',
      endpoint: 'api.north:6443',
      controlPlane: { desired: 3, ready: 3, upToDate: 3 },
      workers: { desired: 1, ready: 1, upToDate: 1 },
      initialization: { controlPlaneInitialized: true },
      certificatesExpiryDate: '2027-09-19T12:00:00Z',
    });
    expect(status.etcdMembers).toHaveLength(3);
  });

  it.each<[string, Partial<ClusterStory>, string, RegExp]>([
    ['waits before the first look', { observed: undefined, plan: undefined }, 'Pending', /compared/],
    [
      'is being made until its control plane is up',
      {
        observed: { ...observed({}), cluster: { kind: 'absent' } },
        plan: { ...nothingToDo, steps: [step({})] },
      },
      'Provisioning',
      /1 steps are left, from w1\/join-worker/,
    ],
    [
      'failed to be made',
      {
        observed: { ...observed({}), cluster: { kind: 'absent' } },
        failure: { reason: 'StepFailed', message: 'm1: no disk' },
      },
      'Failed',
      /m1: no disk/,
    ],
    ['changes', { plan: { ...nothingToDo, steps: [step({})] } }, 'Changing', /join-worker/],
    [
      'is degraded by a Node that is not ready',
      { observed: observed(versions, { nodes: { w1: { isReady: false } } }) },
      'Degraded',
      /not ready: w1/,
    ],
    [
      'is degraded by a member of etcd that is not well',
      {
        observed: observed(versions, {
          members: [member('m1'), member('m2'), member('m3', { isHealthy: false })],
        }),
      },
      'Degraded',
      /not well: m3/,
    ],
    [
      'is degraded when a run failed, whatever else is well',
      { failure: { reason: 'NeedsApproval', message: 'KubeOperation x waits' } },
      'Degraded',
      /KubeOperation x waits/,
    ],
    ['rests', { spec: { ...spec(names), paused: true } }, 'Paused', /paused/],
    ['goes', { isDeleting: true }, 'Deleting', /run on/],
  ])('%s', (_, change, phase, summary) => {
    const status = clusterStatus(story(change));
    expect(status.phase).toBe(phase);
    expect(status.summary).toMatch(summary);
  });

  it('remembers that it was made, while nobody answers', () => {
    const before = clusterStatus(story());
    const status = clusterStatus(
      story({
        before,
        observed: {
          ...observed(versions),
          cluster: { kind: 'down', message: 'm1 answers nothing', members: undefined },
        },
      }),
    );
    expect(status).toMatchObject({
      phase: 'Degraded',
      initialization: { controlPlaneInitialized: true },
      version: '1.36.3',
      controlPlane: { desired: 3, ready: 0 },
    });
    expect(status.etcdMembers).toHaveLength(3);
    expect(condition(status, 'Available')).toBe('False Unknown');
    expect(condition(status, 'EtcdClusterHealthy')).toBe('Unknown Unknown');
  });

  it('tells lost quorum from a member that is not well', () => {
    const well = member('m1');
    const ill = ['m2', 'm3'].map((name) => member(name, { isHealthy: false }));
    expect(
      condition(
        clusterStatus(story({ observed: observed(versions, { members: [well, ...ill] }) })),
        'EtcdClusterHealthy',
      ),
    ).toBe('False QuorumLost');
  });

  it('tells how backups stand, and that nobody asked for any', () => {
    expect(condition(clusterStatus(story()), 'BackupRecent')).toBe('Unknown NotAsked');
    const backup = {
      schedule: '0 3 * * *',
      retention: 14,
      target: { kind: 'directory' as const, path: '/backups' },
      encryptionSecretName: 'seal',
    };
    const newest = { name: 'clusters.north-20261123T030000Z.hansa-backup', takenAt: now - 1, sizeBytes: 1 };
    const with_ = (change: Partial<ClusterStory['backup']>) =>
      clusterStatus(
        story({
          spec: { ...spec(names), backup },
          backup: {
            verdict: { kind: 'later', at: now + 1 },
            newest,
            newestName: 'north-1',
            complaint: undefined,
            ...change,
          },
        }),
      );
    expect(condition(with_({}), 'BackupRecent')).toBe('True AsDesired');
    expect(with_({}).lastBackup).toEqual({ name: 'north-1', at: '2026-11-23T11:59:59Z' });
    expect(condition(with_({ verdict: { kind: 'due', since: now - 5 } }), 'BackupRecent')).toBe(
      'False InProgress',
    );
    expect(condition(with_({ complaint: 'no route' }), 'BackupRecent')).toBe('Unknown Unknown');
  });

  it('keeps the time of a condition that did not turn', () => {
    const before = clusterStatus(story());
    const later = clusterStatus(story({ before, now: now + 60_000 }));
    expect(later).toEqual(before);
  });
});

describe('the status of a machine', () => {
  const [m1, , , w1] = spec(names).machines;
  const of = (change: Partial<Parameters<typeof machineStatus>[0]> = {}) =>
    machineStatus({
      machine: m1 ?? ({} as never),
      cluster: spec(names),
      generation: 1,
      before: undefined,
      isLeaving: false,
      observed: withFacts(),
      certificates: undefined,
      plan: nothingToDo,
      failure: undefined,
      now,
      ...change,
    });
  const withFacts = () => {
    const seen = observed(versions);
    const machines = Object.fromEntries(
      Object.entries(seen.machines).map(([name, sight]) => [
        name,
        sight.kind === 'seen'
          ? {
              ...sight,
              facts: { ...sight.facts, interfaces: [], programs: { kubelet: '1.36.3', containerd: '2.1.4' } },
            }
          : sight,
      ]),
    );
    return { ...seen, machines };
  };
  const ready = (status: ReturnType<typeof of>) => status.conditions?.find(({ type }) => type === 'Ready');

  it('is Ready when its Node and its member of etcd are', () => {
    const status = of();
    expect(status).toMatchObject({
      phase: 'Ready',
      nodeRef: { name: 'm1', uid: 'uid-m1' },
      versions: { kubelet: '1.36.3', apiServer: '1.36.3', runtime: 'containerd 2.1.4' },
    });
    expect(ready(status)).toMatchObject({ status: 'True', reason: 'AsDesired' });
  });

  it('says first what is wrong first', () => {
    const unreachable = { ...withFacts(), machines: observed(versions, { unreachable: ['m1'] }).machines };
    expect(ready(of({ observed: unreachable }))).toMatchObject({
      status: 'False',
      reason: 'Unreachable',
      message: 'no route to host',
    });
    const refused: Plan = {
      ...nothingToDo,
      refusals: [
        { reason: 'SwapOn', machine: 'm1', field: undefined, message: 'm1 has swap: switch it off' },
      ],
    };
    expect(ready(of({ plan: refused }))).toMatchObject({
      reason: 'SwapOn',
      message: 'm1 has swap: switch it off',
    });
    expect(of({ plan: refused }).phase).toBe('Failed');
  });

  it('names the step that is next, and the one that failed', () => {
    const plan = {
      ...nothingToDo,
      steps: [step({ machine: 'm1', title: 'upgrade', reason: 'it has 1.35.4' })],
    };
    expect(ready(of({ plan }))).toMatchObject({ reason: 'InProgress', message: 'upgrade: it has 1.35.4' });
    const failure = { reason: 'ImagePullFailed', message: 'no such image' };
    expect(ready(of({ plan, failure }))).toMatchObject(failure);
  });

  it('has no member of etcd to be well where it is a worker', () => {
    const status = of({ machine: w1 ?? ({} as never) });
    expect(status.conditions?.map(({ type }) => type)).not.toContain('EtcdMemberHealthy');
    expect(status.phase).toBe('Ready');
  });
});
