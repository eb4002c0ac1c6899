import { describe, expect, it } from 'vitest';
import { hashOf, type Json } from '../../../../src/base/index.ts';
import { backupSource, snapshotSource, survivorOf } from '../../../../src/cli/cluster/restore-source.ts';
import { isSameRestore, newToken, openRestore } from '../../../../src/cli/cluster/restore-token.ts';
import type { ClusterPlan, Observed } from '../../../../src/provision/index.ts';
import { planRestore } from '../../../../src/provision/plan/restore.ts';
import { journalled, member, observed, spec } from '../../provision/plan/day-two-world.ts';

const backups = [
  { name: 'older', takenAt: 1, sizeBytes: 1 },
  { name: 'newest', takenAt: 3, sizeBytes: 1 },
  { name: 'middle', takenAt: 2, sizeBytes: 1 },
];

describe('what is restored from', () => {
  it('is the newest backup, for --from latest', () => {
    expect(backupSource('latest', backups, 'north')).toEqual({ kind: 'backup', name: 'newest' });
    expect(backupSource('older', backups, 'north')).toEqual({ kind: 'backup', name: 'older' });
  });

  it('must be there, and what is there is named', () => {
    expect(() => backupSource('oldest', backups, 'north')).toThrow('the newest are newest, middle, older');
    expect(() => backupSource('latest', [], 'north')).toThrow('no backup of cluster north');
  });

  it.each([
    ['m1:/var/lib/x.db', { kind: 'snapshot', machine: 'm1', path: '/var/lib/x.db' }],
    ['m1:/odd:name.db', { kind: 'snapshot', machine: 'm1', path: '/odd:name.db' }],
  ])('is on a machine: %s', (text, source) => {
    expect(snapshotSource(text)).toEqual(source);
  });

  it.each(['m1', '/var/x.db', 'm1:x.db', ':/x.db', 'm1:'])('is not "%s"', (text) => {
    expect(() => snapshotSource(text)).toThrow(/--snapshot .*MACHINE:PATH/);
  });
});

describe('the machine that etcd goes on from', () => {
  const cluster = spec(['m1', 'm2', 'm3']);
  const versions = { m1: '1.36.3', m2: '1.36.3', m3: '1.36.3' };
  const lost = (members: Observed['cluster'], unreachable: readonly string[] = []): Observed => ({
    ...observed(versions, { unreachable }),
    cluster: members,
  });
  const silent = { isHealthy: false, raftIndex: undefined };
  const any = { machine: undefined, without: [] };

  it('is the one that is named', () => {
    const seen = lost({ kind: 'down', message: '', members: [member('m1')] });
    expect(survivorOf(cluster, seen, { ...any, machine: 'm3' })).toEqual({ kind: 'survivor', machine: 'm3' });
  });

  it('is the one whose data is furthest of those that answer', () => {
    const members = [
      member('m1', { raftIndex: '9' }),
      member('m2', { raftIndex: '12' }),
      member('m3', silent),
    ];
    const seen = lost({ kind: 'down', message: '', members }, ['m3']);
    expect(survivorOf(cluster, seen, any)).toMatchObject({ machine: 'm2' });
  });

  it('is never one that is said to be lost', () => {
    const members = [member('m1', { raftIndex: '9' }), member('m2', { raftIndex: '12' })];
    const seen = lost({ kind: 'down', message: '', members });
    expect(survivorOf(cluster, seen, { ...any, without: ['m2'] })).toMatchObject({ machine: 'm1' });
  });

  it('is the only one with data, where no member answers', () => {
    const seen = lost({ kind: 'down', message: '', members: undefined }, ['m1', 'm2']);
    expect(survivorOf(cluster, seen, any)).toMatchObject({ machine: 'm3' });
  });

  it('is for a person to say, where several have data and none answers', () => {
    const seen = lost({ kind: 'down', message: '', members: undefined }, ['m1']);
    expect(() => survivorOf(cluster, seen, any)).toThrow(/m2, m3 have data of it: say with --machine/);
  });

  it('is nowhere, where no machine can be reached: then a backup is the way', () => {
    const seen = lost({ kind: 'absent' }, ['m1', 'm2', 'm3']);
    expect(() => survivorOf(cluster, seen, any)).toThrow('hansa cluster restore north --from latest');
  });
});

describe('a restore that was broken off', () => {
  const step = 'cluster/restore-etcd';
  const planFor = (source: string, token: string): ClusterPlan =>
    planRestore(spec(['m1']), observed({ m1: '1.36.3' }), {
      source: { kind: 'backup', name: source },
      without: [],
      token,
    });
  const inputs = hashOf(planFor('newest', 'restore-1').steps[0]?.inputs as Json);
  const begun = { ...journalled(step, 'intent'), inputs, evidence: { token: 'restore-1' } };

  it('goes on with its token, if it is the same', () => {
    const open = openRestore([{ ...journalled(step, 'started'), inputs }, begun]);
    expect(open).toEqual({ token: 'restore-1', inputs });
    expect(open && isSameRestore(planFor('newest', open.token), open)).toBe(true);
  });

  it('never goes on with the data of another source', () => {
    const open = openRestore([{ ...journalled(step, 'started'), inputs }, begun]);
    expect(open && isSameRestore(planFor('older', open.token), open)).toBe(false);
  });

  it.each(['done', 'undone'] as const)('is over once it is %s', (event) => {
    expect(openRestore([begun, { ...journalled(step, event), inputs }])).toBeUndefined();
  });

  it('has nothing to go on with before anything was changed', () => {
    expect(openRestore([{ ...journalled(step, 'failed'), inputs }])).toBeUndefined();
  });

  it('has a token that says when it was begun, and can be a part of a path', () => {
    expect(newToken(Date.UTC(2026, 10, 23, 7, 5, 1))).toBe('restore-20261123t070501z');
  });
});
