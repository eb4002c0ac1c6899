import type { EtcdMember } from './facts.ts';

/** Votes that must be there for anything to be decided. */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** What the guard needs to know of a member. */
export type Voter = Pick<EtcdMember, 'id' | 'name' | 'isLearner' | 'isHealthy'>;

export interface Tally {
  readonly voters: number;
  /** Voters that were asked and are well; one that was not asked doesn't count. */
  readonly healthy: number;
  /** Members without a vote: learners, and those that never started. */
  readonly learners: number;
}

export function tallyOf(members: readonly Voter[]): Tally {
  const voters = members.filter(({ isLearner }) => !isLearner);
  return {
    voters: voters.length,
    healthy: voters.filter(({ isHealthy }) => isHealthy === true).length,
    learners: members.length - voters.length,
  };
}

export function hasQuorum({ voters, healthy }: Tally): boolean {
  return voters > 0 && healthy >= quorumOf(voters);
}

export type QuorumVerdict =
  | { readonly kind: 'allowed' }
  | {
      readonly kind: 'refused';
      readonly reason: 'QuorumLost' | 'QuorumAtRisk' | 'LastMember' | 'LearnerPresent';
      /** With the arithmetic, and what to do. */
      readonly message: string;
    };

const allowed: QuorumVerdict = { kind: 'allowed' };

/**
 * Whether a member may be taken out of etcd now: afterwards those that are well must be a quorum of those that are left.
 * etcd's own check is no replacement: it counts members that started, not members that live.
 */
export function mayRemove(members: readonly Voter[], id: string): QuorumVerdict {
  const member = members.find((each) => each.id === id);
  // Somebody was faster; taking out what isn't there changes nothing.
  if (!member) return allowed;
  const tally = tallyOf(members);
  const name = nameOf(member);
  if (!hasQuorum(tally)) return refuseForLoss(tally, `${name} can't be removed`);
  if (member.isLearner) return allowed;
  if (tally.voters === 1) {
    return {
      kind: 'refused',
      reason: 'LastMember',
      message: `${name} is the only voter of etcd, and the cluster goes with it: delete the cluster if that is meant, else add another control plane first`,
    };
  }
  const other = members.find(({ isLearner }) => isLearner);
  if (other) {
    return {
      kind: 'refused',
      reason: 'LearnerPresent',
      message: `${name} can't leave while etcd has the learner ${nameOf(other)}: one change at a time. Let its join finish, or have "hansa cluster apply" clear it away`,
    };
  }
  const left = tally.voters - 1;
  const wellLeft = tally.healthy - (member.isHealthy === true ? 1 : 0);
  if (wellLeft >= quorumOf(left)) return allowed;
  return {
    kind: 'refused',
    reason: 'QuorumAtRisk',
    message: `${tell(tally)}; without ${name} there are ${left} voters that need ${quorumOf(left)}, and ${wellLeft} would be left: ${mendFor(members, member)}`,
  };
}

export interface AddOptions {
  /**
   * Every voter must be well, not only enough of them. Default true: kubeadm before 1.37 joins nothing to an etcd with a
   * dead member, and a dead one is better replaced than outvoted.
   */
  readonly isStrict?: boolean;
}

/** Whether a further member may join etcd now: also if the newcomer fails, those that are well must be a quorum. */
export function mayAdd(members: readonly Voter[], { isStrict = true }: AddOptions = {}): QuorumVerdict {
  const tally = tallyOf(members);
  // The first one of all makes the cluster.
  if (members.length === 0) return allowed;
  if (!hasQuorum(tally)) return refuseForLoss(tally, 'no member can be added');
  const learner = members.find(({ isLearner }) => isLearner);
  if (learner) {
    return {
      kind: 'refused',
      reason: 'LearnerPresent',
      message: `etcd has the learner ${nameOf(learner)} and takes one at a time: let its join finish, or have "hansa cluster apply" clear it away`,
    };
  }
  const ill = members.filter(({ isHealthy }) => isHealthy !== true).map(nameOf);
  if (isStrict && ill.length > 0) {
    return {
      kind: 'refused',
      reason: 'QuorumAtRisk',
      message: `${tell(tally)}; not well: ${ill.join(', ')}. Mend or remove ${ill.length === 1 ? 'it' : 'them'} before another member is added`,
    };
  }
  const grown = tally.voters + 1;
  // One member bears no loss and neither do two, so the step from one to two can't be asked to bear one.
  if (tally.voters === 1 || tally.healthy >= quorumOf(grown)) return allowed;
  return {
    kind: 'refused',
    reason: 'QuorumAtRisk',
    message: `${tell(tally)}; with one more there are ${grown} voters that need ${quorumOf(grown)}, and ${tally.healthy} would be well if the new one fails. Mend or remove ${ill.join(', ')} first`,
  };
}

/** To whom leadership is to go before a member is removed: the voter that is well and furthest; undefined: nobody need. */
export function heirOf(members: readonly EtcdMember[], leaving: string): EtcdMember | undefined {
  const leader = members.find(({ id }) => id === leaving);
  if (leader?.isLeader !== true) return undefined;
  return members
    .filter(({ id, isLearner, isHealthy }) => id !== leaving && !isLearner && isHealthy === true)
    .toSorted((a, b) => Number(BigInt(b.raftIndex ?? 0) - BigInt(a.raftIndex ?? 0)))[0];
}

/** Why this number of control planes is a poor one; undefined: it isn't. */
export function evenCountComplaint(count: number): string | undefined {
  if (count === 0 || count % 2 === 1) return undefined;
  const borne = count - quorumOf(count);
  return count === 2
    ? 'two control planes are worse than one: etcd needs both of them, so the loss of either stops the cluster. Make it one or three'
    : `${count} control planes bear the loss of ${borne}, no more than ${count - 1} do, and there is one more to lose: make it ${count - 1} or ${count + 1}`;
}

/** `3 voters, 2 healthy`. */
export function tell({ voters, healthy }: Tally): string {
  return `${voters} ${voters === 1 ? 'voter' : 'voters'}, ${healthy} healthy`;
}

function refuseForLoss(tally: Tally, what: string): QuorumVerdict {
  const needed = quorumOf(tally.voters);
  return {
    kind: 'refused',
    reason: 'QuorumLost',
    message: `etcd has lost its quorum (${tell(tally)}, ${needed} needed), so ${what}: power on control planes until ${needed} are well, or restore with "hansa cluster restore"`,
  };
}

function mendFor(members: readonly Voter[], leaving: Voter): string {
  const ill = members.filter((each) => !each.isLearner && each.isHealthy !== true && each.id !== leaving.id);
  if (ill.length > 0) return `mend ${ill.map(nameOf).join(', ')} first, or remove that one instead`;
  return 'add another control plane first';
}

function nameOf({ name, id }: Pick<Voter, 'name' | 'id'>): string {
  return name || `member ${id}`;
}
