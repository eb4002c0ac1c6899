import type { EtcdMember } from './facts.ts';
import { mayRemove } from './quorum.ts';

export interface StaleInput {
  readonly members: readonly EtcdMember[];
  /** Of the machine that is to join. */
  readonly peerUrl: string;
  /** The journal has a join of this machine that was begun and not ended well. */
  readonly isUnfinished: boolean;
  /** The machine has data of etcd. Without any, the member can't come back, whoever made it. */
  readonly hasData: boolean;
  readonly isNodeReady: boolean;
  /** Several probes over a minute, none answered; undefined: not probed. */
  readonly probesFailed: boolean | undefined;
}

export type StaleJudgement =
  | { readonly kind: 'none' }
  | { readonly kind: 'remove'; readonly member: EtcdMember; readonly why: string }
  /** Ask it a few times over a minute, then judge again. */
  | { readonly kind: 'probe'; readonly member: EtcdMember }
  | { readonly kind: 'refuse'; readonly reason: string; readonly message: string };

/**
 * What to do about a member of etcd that has the peer URL of a machine which is to join. kubeadm tells members by that URL
 * and would take an old one for the new: a voter that comes back with an empty disk has forgotten what it promised, and
 * etcd panics over it.
 */
export function judgeStaleMember(input: StaleInput): StaleJudgement {
  const { members, peerUrl, isUnfinished, hasData, isNodeReady, probesFailed } = input;
  const member = members.find(({ peerUrls }) => peerUrls.includes(peerUrl));
  if (!member) return { kind: 'none' };
  if (hasNeverVoted(member)) {
    return removeIfAllowed(members, member, 'it never voted, so nothing depends on it');
  }
  // A kubelet may well be Ready beside an etcd that has lost its data.
  if ((isNodeReady && hasData) || member.isHealthy === true || probesFailed === false) {
    return {
      kind: 'refuse',
      reason: 'MemberAlive',
      message: `etcd's member ${member.name} (${member.id}) at ${peerUrl} is alive, and is not joined over: look at that machine. If it is to join anew all the same, run "${removalOf(member)}" on another control plane`,
    };
  }
  if (!isUnfinished && hasData) {
    return {
      kind: 'refuse',
      reason: 'MemberOfOthers',
      message: `etcd's member ${member.name} (${member.id}) votes at ${peerUrl}, and no join by Hansa was left unfinished there: take it out first, with "${removalOf(member)}" on a control plane, if nobody needs it`,
    };
  }
  if (probesFailed === undefined) return { kind: 'probe', member };
  return removeIfAllowed(
    members,
    member,
    'its machine is to join anew, and it has not answered for a minute',
  );
}

function removeIfAllowed(members: readonly EtcdMember[], member: EtcdMember, why: string): StaleJudgement {
  const verdict = mayRemove(members, member.id);
  return verdict.kind === 'allowed'
    ? { kind: 'remove', member, why }
    : { kind: 'refuse', reason: verdict.reason, message: verdict.message };
}

/** One that never voted. A restart of its machine hides that it never started, but not that it is a learner. */
export function hasNeverVoted({ isLearner, name }: Pick<EtcdMember, 'isLearner' | 'name'>): boolean {
  return isLearner || name === '';
}

/** What a person would run, on any other control plane. */
export function removalOf({ id }: Pick<EtcdMember, 'id'>): string {
  return `etcdctl member remove ${id}`;
}

/** Members of etcd at none of these peer URLs: of machines that nobody speaks of any more. */
export function membersWithoutMachine(
  members: readonly EtcdMember[],
  peerUrls: readonly string[],
): readonly EtcdMember[] {
  const known = new Set(peerUrls);
  return members.filter((member) => !member.peerUrls.some((url) => known.has(url)));
}
