import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { moveLeader, removeMember } from '../etcd/change-members.ts';
import { readMembers } from '../etcd/read-members.ts';
import type { EtcdMember } from '../plan/facts.ts';
import { heirOf, mayRemove } from '../plan/quorum.ts';
import type { Step } from '../plan/steps.ts';

/**
 * Takes a machine's member out of etcd, before the machine is reset: `kubeadm reset` only warns when it fails to.
 *
 * *Flow*: members are read again now; the quorum guard decides; leadership moves away first; the member is removed and
 * seen to be gone. *Guarantees*: never while it could cost quorum, whatever the plan saw. The machine itself isn't asked,
 * so a dead one can leave too. `inputs.peerUrl` names the member of a machine that the spec no longer knows.
 */
export const leaveEtcd: Executor = {
  async observe(context, step) {
    if (context.cluster.etcd.kind === 'external') return { kind: 'done' };
    const { members, leaving } = await look(context, step);
    if (leaving.length === 0) return { kind: 'done' };
    for (const { id } of leaving) {
      const verdict = mayRemove(members, id);
      if (verdict.kind === 'refused')
        return { kind: 'blocked', reason: verdict.reason, message: verdict.message };
    }
    return {
      kind: 'todo',
      why: `${step.machine} is the member ${leaving.map(({ id }) => id).join(', ')} of etcd`,
    };
  },

  async apply(context, step) {
    const { post, members, leaving } = await look(context, step);
    for (const member of leaving) {
      const verdict = mayRemove(members, member.id);
      if (verdict.kind === 'refused') {
        throw new HansaError(verdict.message, { reason: verdict.reason, retry: 'never' });
      }
      await context.intent({ memberId: member.id, peerUrl: member.peerUrls.join(','), removes: member.name });
      const heir = heirOf(members, member.id);
      if (heir) {
        context.update(`moving leadership to ${heir.name}`);
        await moveLeader(post, heir.id, member, { signal: context.signal });
      }
      context.update(`removing member ${member.id}`);
      await removeMember(post, member.id, { signal: context.signal });
    }
  },

  async verify(context, step) {
    const { leaving } = await look(context, step);
    if (leaving.length === 0) return;
    throw new HansaError(
      `etcd still lists ${step.machine} as ${leaving.map(({ id }) => id).join(', ')} after its removal`,
      {
        reason: 'EtcdMemberNotRemoved',
      },
    );
  },
};

interface Look {
  readonly post: Machine;
  readonly members: readonly EtcdMember[];
  /** One, or more if a stale one was left beside it. */
  readonly leaving: readonly EtcdMember[];
}

async function look(context: StepContext, step: Step): Promise<Look> {
  const name = step.machine ?? '';
  const post = await context.healthyControlPlane([name]);
  const members = await readMembers(post, { signal: context.signal });
  const urls = new Set(peerUrlsOf(context, step));
  return { post, members, leaving: members.filter(({ peerUrls }) => peerUrls.some((url) => urls.has(url))) };
}

/** By its peer URL, as kubeadm tells members: names may be empty or used again. */
function peerUrlsOf(context: StepContext, { machine, inputs }: Step): readonly string[] {
  if (typeof inputs.peerUrl === 'string') return [inputs.peerUrl];
  const known = context.cluster.machines.find(({ name }) => name === machine)?.internalAddress;
  // Without one in the spec it was chosen on the machine, which must then be reachable.
  const address = known ?? context.machine(machine ?? '').internalAddress;
  return [`https://${address.includes(':') ? `[${address}]` : address}:2380`];
}
