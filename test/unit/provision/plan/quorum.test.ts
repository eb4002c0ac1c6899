import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EtcdMember } from '../../../../src/provision/plan/facts.ts';
import {
  evenCountComplaint,
  hasQuorum,
  heirOf,
  mayAdd,
  mayRemove,
  quorumOf,
  tallyOf,
} from '../../../../src/provision/plan/quorum.ts';
import { member } from './day-two-world.ts';

/** Voters `m1`… of which the first `healthy` are well. */
function etcd(voters: number, healthy: number): readonly EtcdMember[] {
  return Array.from({ length: voters }, (_, index) =>
    member(`m${index + 1}`, { id: `a${index + 1}`, isHealthy: index < healthy, isLeader: index === 0 }),
  );
}

const live = 'a1';
const dead = (voters: number): string => `a${voters}`;
const learner = (name = ''): EtcdMember =>
  member(name, { id: 'b1', isLearner: true, isHealthy: false, isLeader: false });
const kindOf = ({ kind }: { readonly kind: string }) => (kind === 'allowed' ? 'yes' : 'no');

describe('the quorum guard', () => {
  it.each`
    voters | healthy | removeLive | removeDead | add
    ${3}   | ${3}    | ${'yes'}   | ${'-'}     | ${'yes'}
    ${3}   | ${2}    | ${'no'}    | ${'yes'}   | ${'no'}
    ${5}   | ${4}    | ${'yes'}   | ${'yes'}   | ${'yes'}
    ${5}   | ${3}    | ${'no'}    | ${'yes'}   | ${'no'}
    ${2}   | ${2}    | ${'yes'}   | ${'-'}     | ${'yes'}
    ${2}   | ${1}    | ${'no'}    | ${'no'}    | ${'no'}
    ${1}   | ${1}    | ${'no'}    | ${'-'}     | ${'yes'}
  `(
    'with $healthy of $voters: remove a live one $removeLive, a dead one $removeDead, add $add',
    ({ voters, healthy, removeLive, removeDead, add }) => {
      const members = etcd(voters, healthy);
      expect(kindOf(mayRemove(members, live))).toBe(removeLive);
      if (removeDead !== '-') expect(kindOf(mayRemove(members, dead(voters)))).toBe(removeDead);
      expect(kindOf(mayAdd(members, { isStrict: false }))).toBe(add);
    },
  );

  it('by default adds nothing while a voter is not well', () => {
    expect(mayAdd(etcd(5, 4))).toMatchObject({ kind: 'refused', reason: 'QuorumAtRisk' });
    expect(mayAdd(etcd(5, 5))).toEqual({ kind: 'allowed' });
  });

  it('prints its arithmetic, and what to do', () => {
    expect(mayRemove(etcd(3, 2), 'a2')).toEqual({
      kind: 'refused',
      reason: 'QuorumAtRisk',
      message:
        '3 voters, 2 healthy; without m2 there are 2 voters that need 2, and 1 would be left: mend m3 first, or remove that one instead',
    });
    expect(mayAdd(etcd(5, 3), { isStrict: false })).toMatchObject({
      message:
        '5 voters, 3 healthy; with one more there are 6 voters that need 4, and 3 would be well if the new one fails. Mend or remove m4, m5 first',
    });
  });

  it('calls one of two a loss of quorum, which no removal mends', () => {
    expect(mayRemove(etcd(2, 1), dead(2))).toMatchObject({
      reason: 'QuorumLost',
      message: expect.stringContaining('2 voters, 1 healthy, 2 needed'),
    });
    expect(mayRemove(etcd(4, 2), dead(4))).toMatchObject({ reason: 'QuorumLost' });
  });

  it('never takes the last voter', () => {
    expect(mayRemove(etcd(1, 1), live)).toMatchObject({ reason: 'LastMember' });
    expect(mayRemove([...etcd(1, 1), learner()], live)).toMatchObject({ reason: 'LastMember' });
  });

  it('makes one change at a time: with a learner, only the learner may go', () => {
    const members = [...etcd(3, 3), learner()];
    expect(mayRemove(members, live)).toMatchObject({ reason: 'LearnerPresent' });
    expect(mayAdd(members)).toMatchObject({ reason: 'LearnerPresent' });
    expect(mayRemove(members, 'b1')).toEqual({ kind: 'allowed' });
  });

  it('takes a member that was not asked for one that is not well', () => {
    const members = etcd(3, 3).map((each) => (each.id === 'a3' ? { ...each, isHealthy: undefined } : each));
    expect(mayRemove(members, live).kind).toBe('refused');
  });

  it('has nothing against a removal that has happened already', () => {
    expect(mayRemove(etcd(3, 3), 'ff')).toEqual({ kind: 'allowed' });
  });

  it('moves leadership to the voter that is furthest', () => {
    const [leader, ...others] = etcd(3, 3);
    const members = [
      leader,
      { ...others[0], raftIndex: '9' },
      { ...others[1], raftIndex: '20000000000000000001' },
    ];
    expect(heirOf(members as EtcdMember[], live)?.name).toBe('m3');
    expect(heirOf(members as EtcdMember[], 'a2')).toBeUndefined();
  });

  it('warns of even counts', () => {
    expect(evenCountComplaint(3)).toBeUndefined();
    expect(evenCountComplaint(2)).toContain('worse than one');
    expect(evenCountComplaint(4)).toContain('bear the loss of 1, no more than 3 do');
  });
});

describe('whatever the members are', () => {
  const members = fc
    .array(fc.record({ isHealthy: fc.constantFrom(true, true, false, undefined), isLearner: fc.boolean() }), {
      maxLength: 9,
    })
    .map((all) =>
      all.map((each, index) => member(`m${index}`, { ...each, id: `c${index}`, isLeader: false })),
    );

  /** What a majority is, said in another way than the code does: more of them agree than don't. */
  const canDecide = (all: readonly EtcdMember[]): boolean => {
    const voters = all.filter(({ isLearner }) => !isLearner);
    const agree = voters.filter(({ isHealthy }) => isHealthy === true).length;
    return agree > voters.length - agree;
  };

  it('an allowed removal leaves a cluster that can decide, and needs one', () => {
    fc.assert(
      fc.property(members, fc.nat({ max: 8 }), (all, index) => {
        const id = `c${index}`;
        const isThere = all.some((each) => each.id === id);
        if (mayRemove(all, id).kind === 'refused' || !isThere) return;
        expect(canDecide(all)).toBe(true);
        expect(canDecide(all.filter((each) => each.id !== id))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('a refused removal would break it, be the second change at once, or has a broken one before it', () => {
    fc.assert(
      fc.property(members, fc.nat({ max: 8 }), (all, index) => {
        const gone = all.find(({ id }) => id === `c${index}`);
        if (!gone || mayRemove(all, gone.id).kind === 'allowed') return;
        const learners = all.some(({ isLearner }) => isLearner);
        const rest = all.filter((each) => each !== gone);
        expect(!canDecide(all) || !canDecide(rest) || (learners && !gone.isLearner)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('an allowed addition leaves a cluster that can decide though the newcomer fails, but for one to two', () => {
    fc.assert(
      fc.property(members, fc.boolean(), (all, isStrict) => {
        if (all.length === 0 || mayAdd(all, { isStrict }).kind === 'refused') return;
        expect(canDecide(all)).toBe(true);
        expect(all.some(({ isLearner }) => isLearner)).toBe(false);
        if (all.length === 1) return;
        expect(canDecide([...all, member('new', { id: 'new', isHealthy: false })])).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('no sequence of allowed steps ever loses quorum by itself', () => {
    const step = fc.record({ adds: fc.boolean(), index: fc.nat(8) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.array(step, { maxLength: 30 }), (size, steps) => {
        let now = etcd(size, size);
        for (const [turn, { adds, index }] of steps.entries()) {
          if (adds) {
            if (mayAdd(now).kind === 'allowed') now = [...now, member(`n${turn}`, { id: `d${turn}` })];
          } else {
            const target = now[index % now.length];
            if (target && mayRemove(now, target.id).kind === 'allowed')
              now = now.filter(({ id }) => id !== target.id);
          }
          expect(hasQuorum(tallyOf(now))).toBe(true);
          expect(tallyOf(now).healthy).toBeGreaterThanOrEqual(quorumOf(now.length));
        }
      }),
    );
  });
});
