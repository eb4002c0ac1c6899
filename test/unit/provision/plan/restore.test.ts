import { describe, expect, it } from 'vitest';
import type { Observed } from '../../../../src/provision/plan/facts.ts';
import { bestSurvivor, planRestore, type RestoreWish } from '../../../../src/provision/plan/restore.ts';
import { member, observed, spec } from './day-two-world.ts';

const versions = { m1: '1.36.3', m2: '1.36.3', m3: '1.36.3', w1: '1.36.3' };
const cluster = spec(Object.keys(versions));
const fromBackup: RestoreWish = { source: { kind: 'backup', name: 'b' }, without: [], token: 'r1' };
const fromSurvivor: RestoreWish = { source: { kind: 'survivor', machine: 'm1' }, without: [], token: 'r1' };

/** Two of three members are gone. */
function withoutQuorum(unreachable: readonly string[] = []): Observed {
  const dead = { isHealthy: false, raftIndex: undefined };
  const members = [member('m1', { isHealthy: false }), member('m2', dead), member('m3', dead)];
  return {
    ...observed(versions, { unreachable }),
    cluster: { kind: 'down', message: 'no API server answers', members },
  };
}

const reasons = (wish: RestoreWish, seen: Observed): readonly string[] =>
  planRestore(cluster, seen, wish).refusals.map(({ reason }) => reason);

describe('a restore from a backup', () => {
  it('goes to all control planes in one step, which is shown as destructive and without return', () => {
    const plan = planRestore(cluster, withoutQuorum(), fromBackup);
    expect(plan.refusals).toEqual([]);
    expect(plan.steps.map(({ id }) => id)).toEqual(['cluster/restore-etcd', 'cluster/verify-cluster']);
    expect(plan.steps[0]).toMatchObject({
      inputs: { machines: ['m1', 'm2', 'm3'], stop: ['m1', 'm2', 'm3'], token: 'r1' },
      isDestructive: true,
      isPointOfNoReturn: true,
      exclusive: 'etcd',
    });
    expect(plan.steps[0]?.reason).toBe('quorum is lost: 3 voters, 0 healthy, 2 needed');
  });

  it('is refused while a machine can’t be reached, which may still be alive', () => {
    expect(reasons(fromBackup, withoutQuorum(['m3']))).toEqual(['MachineUnreachable']);
  });

  it('goes without a machine that is known to be lost, and says it has to be joined again', () => {
    const plan = planRestore(cluster, withoutQuorum(['m3']), { ...fromBackup, without: ['m3'] });
    expect(plan.steps[0]?.inputs).toMatchObject({ machines: ['m1', 'm2'], stop: ['m1', 'm2'] });
    expect(plan.warnings.find(({ reason }) => reason === 'JoinAgain')?.message).toContain('m3');
  });

  it('says what will be lost when the cluster is alive', () => {
    const plan = planRestore(cluster, observed(versions), fromBackup);
    expect(plan.warnings.find(({ reason }) => reason === 'DataLoss')?.message).toContain(
      'the cluster is alive now',
    );
  });

  it('is refused for an etcd that others keep', () => {
    const external = { ...cluster, etcd: { kind: 'external' as const, endpoints: [], secretName: 's' } };
    expect(planRestore(external, withoutQuorum(), fromBackup).refusals).toMatchObject([
      { reason: 'EtcdIsExternal' },
    ]);
  });
});

describe('a restore from a survivor', () => {
  it('goes on with that one alone, stops all, and empties the others', () => {
    const plan = planRestore(cluster, withoutQuorum(), fromSurvivor);
    expect(plan.steps.map(({ id }) => id)).toEqual([
      'cluster/restore-etcd',
      'm2/reset-machine',
      'm3/reset-machine',
      'cluster/verify-cluster',
    ]);
    expect(plan.steps[0]?.inputs).toMatchObject({ machines: ['m1'], stop: ['m1', 'm2', 'm3'] });
    expect(plan.steps[1]?.needs).toEqual(['cluster/restore-etcd']);
  });

  it('is refused while there is a quorum, with the arithmetic', () => {
    const plan = planRestore(cluster, observed(versions), fromSurvivor);
    expect(plan.refusals).toMatchObject([{ reason: 'QuorumNotLost' }]);
    expect(plan.refusals[0]?.message).toContain('3 voters, 3 healthy, 2 needed');
  });

  it('is refused from a machine that is no control plane of the cluster', () => {
    expect(
      reasons({ ...fromSurvivor, source: { kind: 'survivor', machine: 'w1' } }, withoutQuorum()),
    ).toEqual(['NoSuchMachine']);
  });
});

describe('the best survivor', () => {
  it('is the one that is furthest, compared as the big numbers they are', () => {
    const members = [
      member('m1', { raftIndex: '9007199254740993' }),
      member('m2', { raftIndex: '9007199254740992' }),
      member('m3', { raftIndex: '8' }),
    ];
    expect(bestSurvivor(cluster, members)?.name).toBe('m1');
  });

  it('is never a learner, nor one whose data is corrupt, nor one that doesn’t answer', () => {
    const members = [
      member('m1', { raftIndex: '900', isLearner: true }),
      member('m2', { raftIndex: '800', alarms: ['CORRUPT'] }),
      member('m3', { raftIndex: undefined }),
    ];
    expect(bestSurvivor(cluster, members)).toBeUndefined();
  });
});
