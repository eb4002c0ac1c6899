import { HansaError } from '../../base/index.ts';
import type { EtcdMember } from '../plan/facts.ts';
import { askEtcdctl, complaintOf, type EtcdctlOptions, type EtcdHost, runEtcdctl } from './etcdctl.ts';

/**
 * Takes a member out of etcd; one that isn't there is no error. Whoever calls has asked the quorum guard: etcd's own
 * check counts members that started, not members that live.
 */
export async function removeMember(on: EtcdHost, id: string, options: EtcdctlOptions = {}): Promise<void> {
  const result = await runEtcdctl(on, ['member', 'remove', hexId(id)], options);
  if (result.code === 0 || result.stderr.includes('member not found')) return;
  throw new HansaError(
    `etcd refused to remove member ${id} when asked on ${on.transport.address}: ${complaintOf(result)}`,
    { reason: 'EtcdMemberNotRemoved' },
  );
}

/**
 * Makes another member leader. Only the leader itself is asked: etcdctl asks its endpoints one after the other and gives
 * up at the first that is dead.
 */
export async function moveLeader(
  on: EtcdHost,
  to: string,
  leader: Pick<EtcdMember, 'id' | 'clientUrls'>,
  options: Omit<EtcdctlOptions, 'endpoints'> = {},
): Promise<void> {
  if (leader.id === to) return;
  await askEtcdctl(on, ['move-leader', hexId(to)], { ...options, endpoints: leader.clientUrls });
}

/** Ends a NOSPACE or CORRUPT alarm; its cause must be gone. */
export async function disarmAlarms(on: EtcdHost, options: EtcdctlOptions = {}): Promise<void> {
  await askEtcdctl(on, ['alarm', 'disarm'], options);
}

function hexId(id: string): string {
  if (/^[0-9a-f]{1,16}$/.test(id)) return id;
  throw new HansaError(`"${id}" is not the id of an etcd member: ids are written in hex`, {
    reason: 'BadMemberId',
    retry: 'never',
  });
}
