import { describe, expect, it } from 'vitest';
import type { EtcdMember } from '../../../../src/provision/plan/facts.ts';
import {
  judgeStaleMember,
  membersWithoutMachine,
  type StaleInput,
} from '../../../../src/provision/plan/stale-member.ts';
import { member } from './day-two-world.ts';

const well = (name: string): EtcdMember => member(name, { id: `a${name}` });
const ghost = (change: Partial<EtcdMember> = {}): EtcdMember =>
  member('m3', { id: '8e9e05c52164694d', isHealthy: false, isLeader: false, ...change });

function judge(own: EtcdMember | undefined, change: Partial<StaleInput> = {}) {
  return judgeStaleMember({
    members: [well('m1'), well('m2'), ...(own ? [own] : [])],
    peerUrl: 'https://m3:2380',
    isUnfinished: true,
    hasData: true,
    isNodeReady: false,
    probesFailed: true,
    ...change,
  });
}

describe('a member of etcd at the address of a machine that is to join', () => {
  it('is not there: the join goes on', () => {
    expect(judge(undefined)).toEqual({ kind: 'none' });
  });

  it('is a learner that never started: it goes', () => {
    const nameless = { name: '', isLearner: true };
    expect(judge(ghost(nameless), { isUnfinished: false, probesFailed: undefined }).kind).toBe('remove');
  });

  it('is a learner that a reboot has started: it goes all the same', () => {
    const started = ghost({ isLearner: true, isHealthy: true, raftIndex: '12' });
    expect(judge(started, { isUnfinished: false, probesFailed: undefined }).kind).toBe('remove');
  });

  it('votes, is dead, and comes from a join of ours: it goes after the probes', () => {
    expect(judge(ghost(), { probesFailed: undefined }).kind).toBe('probe');
    expect(judge(ghost())).toMatchObject({ kind: 'remove', member: { id: '8e9e05c52164694d' } });
  });

  it('votes and answered one of the probes: it stays', () => {
    expect(judge(ghost(), { probesFailed: false })).toMatchObject({ kind: 'refuse', reason: 'MemberAlive' });
  });

  it.each([
    ['is healthy', ghost({ isHealthy: true }), {}],
    ['has a node that is Ready', ghost(), { isNodeReady: true }],
  ])('votes and %s: it is alive, and a person gets the exact command', (_, own, change) => {
    expect(judge(own, change)).toMatchObject({
      reason: 'MemberAlive',
      message: expect.stringContaining('etcdctl member remove 8e9e05c52164694d'),
    });
  });

  it('votes and is of no join of ours: a person gets the exact command', () => {
    expect(judge(ghost(), { isUnfinished: false })).toMatchObject({
      reason: 'MemberOfOthers',
      message: expect.stringContaining('etcdctl member remove 8e9e05c52164694d'),
    });
  });

  it('votes, and its disk was emptied by hand: it can never come back, whoever made it', () => {
    expect(judge(ghost(), { isUnfinished: false, hasData: false }).kind).toBe('remove');
  });

  it('stays where its removal would need votes that are not there', () => {
    const members = [well('m1'), { ...well('m2'), isHealthy: false }, ghost()];
    expect(judge(ghost(), { members })).toMatchObject({ kind: 'refuse', reason: 'QuorumLost' });
    const two = [well('m1'), ghost()];
    expect(judge(ghost(), { members: two })).toMatchObject({
      kind: 'refuse',
      reason: 'QuorumLost',
      message: expect.stringContaining('2 voters, 1 healthy, 2 needed'),
    });
  });
});

describe('members without a machine', () => {
  it('are those at addresses that nobody speaks of', () => {
    expect(membersWithoutMachine([well('m1'), ghost()], ['https://m1:2380'])).toEqual([ghost()]);
  });
});
