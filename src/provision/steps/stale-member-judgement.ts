import type { EtcdMember } from '../plan/facts.ts';

export interface StaleInput {
  readonly members: readonly EtcdMember[];
  readonly peerUrl: string;
  /** The journal has a join of this machine that was begun and not ended well. */
  readonly isUnfinished: boolean;
  /** The machine has data of etcd. Without any, the member can't come back, whoever made it. */
  readonly hasData: boolean;
  readonly isNodeReady: boolean;
  /** undefined: not probed. */
  readonly probesFailed: boolean | undefined;
}

export type StaleJudgement =
  | { readonly kind: 'none' }
  | { readonly kind: 'remove'; readonly member: EtcdMember; readonly why: string }
  | { readonly kind: 'probe'; readonly member: EtcdMember }
  | { readonly kind: 'refuse'; readonly reason: string; readonly message: string };

/** What to do about a member of etcd that has the peer URL of a machine which is to join. */
export function judgeStaleMember({
  members,
  peerUrl,
  isUnfinished,
  hasData,
  isNodeReady,
  probesFailed,
}: StaleInput): StaleJudgement {
  const member = members.find(({ peerUrls }) => peerUrls.includes(peerUrl));
  if (!member) return { kind: 'none' };
  if (member.isLearner || member.name === '') {
    return { kind: 'remove', member, why: 'it never voted, so nothing depends on it' };
  }
  const command = `etcdctl member remove ${member.id}`;
  if (isNodeReady || member.isHealthy === true || probesFailed === false) {
    return {
      kind: 'refuse',
      reason: 'MemberAlive',
      message: `etcd's member ${member.name} (${member.id}) at ${peerUrl} is alive, and is not joined over: look at that machine. If it is to join anew all the same, run "${command}" on another control plane`,
    };
  }
  if (!isUnfinished && hasData) {
    return {
      kind: 'refuse',
      reason: 'MemberOfOthers',
      message: `etcd's member ${member.name} (${member.id}) votes at ${peerUrl}, and no join by Hansa was left unfinished there: take it out first, with "${command}" on a control plane, if nobody needs it`,
    };
  }
  return probesFailed === undefined ? { kind: 'probe', member } : guardRemoval(members, member);
}

/** The arithmetic of quorum, as it is after the removal. */
function guardRemoval(members: readonly EtcdMember[], member: EtcdMember): StaleJudgement {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const healthy = voters.filter(({ id, isHealthy }) => isHealthy === true && id !== member.id).length;
  const left = voters.length - 1;
  const needed = Math.floor(left / 2) + 1;
  if (left >= 1 && healthy >= needed) {
    return {
      kind: 'remove',
      member,
      why: `its machine is to join anew and it has not answered; ${healthy} of the ${left} voters that stay are healthy, ${needed} are needed`,
    };
  }
  return {
    kind: 'refuse',
    reason: 'QuorumAtRisk',
    message: `etcd's member ${member.name} (${member.id}) is lost, but without it ${healthy} of ${left} voters would be healthy and ${needed} are needed: bring a control plane back first, or restore etcd from a snapshot`,
  };
}
