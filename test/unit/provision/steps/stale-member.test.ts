import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EtcdMember } from '../../../../src/provision/plan/facts.ts';
import { judgeStaleMember } from '../../../../src/provision/plan/stale-member.ts';
import { etcdComplaint } from '../../../../src/provision/steps/verify-cluster.ts';

function member(name: string, changes: Partial<EtcdMember> = {}): EtcdMember {
  return {
    id: `c0ffee${name}`.replaceAll(/[^0-9a-f]/g, ''),
    name,
    peerUrls: [`https://10.0.0.${name.slice(1)}:2380`],
    clientUrls: [`https://10.0.0.${name.slice(1)}:2379`],
    isLearner: false,
    isHealthy: true,
    isLeader: name === 'm1',
    dbSizeBytes: 1,
    raftIndex: '1',
    alarms: [],
    ...changes,
  };
}

const dead = { isHealthy: false, isLeader: undefined };
/** A third control plane, m3, whose join was killed. */
const lost = {
  members: [member('m1'), member('m2'), member('m3', dead)],
  peerUrl: 'https://10.0.0.3:2380',
  isUnfinished: true,
  hasData: true,
  isNodeReady: false,
  probesFailed: true,
};

describe('a machine that is to join', () => {
  it('meets nothing of itself: nothing is to be done', () => {
    expect(judgeStaleMember({ ...lost, members: [member('m1'), member('m2')] })).toEqual({ kind: 'none' });
  });

  it.each([
    ['never started', { name: '', isLearner: true }],
    ['was restarted and learns for ever', { isLearner: true }],
  ])('finds a learner that %s: it goes at once, for it has no vote', (_, changes) => {
    const members = [member('m1'), member('m3', { ...dead, ...changes })];
    expect(judgeStaleMember({ ...lost, members, probesFailed: undefined })).toMatchObject({ kind: 'remove' });
  });

  it('finds a voter that does not answer: it is asked three times before it goes', () => {
    expect(judgeStaleMember({ ...lost, probesFailed: undefined }).kind).toBe('probe');
    expect(judgeStaleMember(lost)).toMatchObject({
      kind: 'remove',
      why: expect.stringContaining('has not answered for a minute'),
    });
  });

  it.each([
    ['answers after all', { probesFailed: false }],
    [
      'is healthy in the list',
      { members: [member('m1'), member('m2'), member('m3')], probesFailed: undefined },
    ],
    ['belongs to a Node that is Ready', { isNodeReady: true }],
  ])('finds a voter that %s: never over it, and a person gets the command', (_, changes) => {
    expect(judgeStaleMember({ ...lost, ...changes })).toMatchObject({
      kind: 'refuse',
      reason: 'MemberAlive',
      message: expect.stringContaining('etcdctl member remove'),
    });
  });

  it('finds a voter that no join of ours has left: that is not decided here', () => {
    expect(judgeStaleMember({ ...lost, isUnfinished: false })).toMatchObject({ reason: 'MemberOfOthers' });
  });

  it('has been reset by hand: without its data the member can not come back', () => {
    const forgetful = { ...lost, isUnfinished: false, hasData: false };
    expect(judgeStaleMember(forgetful)).toMatchObject({ kind: 'remove' });
    expect(judgeStaleMember({ ...forgetful, isNodeReady: true })).toMatchObject({ kind: 'remove' });
    expect(
      judgeStaleMember({ ...forgetful, members: [member('m1'), member('m2'), member('m3')] }),
    ).toMatchObject({
      reason: 'MemberAlive',
    });
  });

  it('was the second: without it there would be no majority any more, so nothing is removed', () => {
    const members = [member('m1', dead), member('m3', dead)];
    expect(judgeStaleMember({ ...lost, members })).toMatchObject({ kind: 'refuse', reason: 'QuorumLost' });
  });

  it('never costs the quorum, whatever is seen', () => {
    const anyMember = (name: string) =>
      fc.record({ isLearner: fc.boolean(), isHealthy: fc.boolean() }).map((state) => member(name, state));
    const scene = fc.record({
      members: fc.tuple(anyMember('m1'), anyMember('m2'), anyMember('m3'), anyMember('m4')),
      count: fc.integer({ min: 1, max: 4 }),
      isUnfinished: fc.boolean(),
      hasData: fc.boolean(),
      isNodeReady: fc.boolean(),
      probesFailed: fc.option(fc.boolean(), { nil: undefined }),
    });
    fc.assert(
      fc.property(scene, ({ members, count, ...others }) => {
        const present = members.slice(4 - count);
        const judgement = judgeStaleMember({ members: present, peerUrl: 'https://10.0.0.4:2380', ...others });
        if (judgement.kind !== 'remove' || judgement.member.isLearner) return;
        const left = present.filter(({ id, isLearner }) => id !== judgement.member.id && !isLearner);
        const healthy = left.filter(({ isHealthy }) => isHealthy);
        expect(healthy.length).toBeGreaterThan(left.length / 2);
        expect(judgement.member.isHealthy).toBe(false);
      }),
    );
  });
});

describe('etcd of a cluster', () => {
  const three = [member('m1'), member('m2'), member('m3')];
  const names = ['m1', 'm2', 'm3'];

  it('is whole when its members are the control planes and one leads', () => {
    expect(etcdComplaint(three, names)).toBeUndefined();
  });

  it.each([
    ['a member too many', [...three, member('m4')], /no control planes of this cluster: m4/],
    ['a member too few', three.slice(0, 2), /m3 is no member/],
    ['a learner', [...three.slice(0, 2), member('m3', { isLearner: true })], /m3 does not vote/],
    [
      'an alarm',
      [...three.slice(0, 2), member('m3', { isHealthy: false, alarms: ['NOSPACE'] })],
      /m3 .*NOSPACE/,
    ],
    ['no leader', three.map((each) => ({ ...each, isLeader: false })), /0 leaders/],
  ])('is not with %s', (_, members, complaint) => {
    expect(etcdComplaint(members, names)).toMatch(complaint);
  });
});
