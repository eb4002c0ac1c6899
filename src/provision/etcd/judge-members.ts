import type { EtcdMember } from '../plan/facts.ts';
import type { MemberAlarm, MemberList, MemberStatus } from './parse-answers.ts';

/** Behind the furthest member by more than this, a member needs a whole snapshot first: etcd's default snapshot count. */
const maxLag = 10_000n;

/**
 * Puts list, statuses and alarms together. A member is healthy if it answered under its own id, in this cluster, knows a
 * leader, has no alarm and has applied nearly all. One that knows no leader could not vote for anything now, so when
 * quorum is lost nobody is healthy; who still answers has a `raftIndex`.
 */
export function judgeMembers(
  list: MemberList,
  statuses: readonly MemberStatus[],
  alarms: readonly MemberAlarm[],
): readonly EtcdMember[] {
  // By id and not by address: another member may answer where a lost one used to live.
  const byId = new Map(statuses.map((status) => [status.memberId, status]));
  const ours = statuses.filter(({ clusterId }) => clusterId === list.clusterId);
  const furthest = ours.reduce((most, { raftIndex }) => (raftIndex > most ? raftIndex : most), 0n);
  return list.members.map((member) => {
    const status = byId.get(member.id);
    const itsAlarms = alarms.filter(({ memberId }) => memberId === member.id).map(({ kind }) => kind);
    const isHealthy =
      status !== undefined &&
      status.clusterId === list.clusterId &&
      status.leaderId !== undefined &&
      itsAlarms.length === 0 &&
      furthest - status.raftAppliedIndex <= maxLag;
    return {
      id: member.id,
      name: member.name,
      peerUrls: member.peerUrls,
      clientUrls: member.clientUrls,
      isLearner: member.isLearner,
      isHealthy,
      isLeader: status === undefined ? undefined : status.leaderId === member.id,
      dbSizeBytes: status?.dbSizeBytes,
      raftIndex: status?.raftIndex.toString(),
      alarms: itsAlarms,
    };
  });
}
