import { HansaError } from '../../base/index.ts';
import type { Executor, Machine, StepContext } from '../engine/executor.ts';
import { removeMember } from '../etcd/change-members.ts';
import { readMembers } from '../etcd/read-members.ts';
import { etcdDataLibrary } from '../facts/index.ts';
import { addressUrl } from '../plan/render/address-url.ts';
import { getObject } from './kubectl.ts';
import { judgeStaleMember, type StaleJudgement } from '../plan/stale-member.ts';
import { machineOf } from './step-machine.ts';

/** Takes a member out of etcd that an earlier join of the machine left, before it joins again. */
export const clearStaleMember: Executor = {
  async observe(context, step) {
    const machine = machineOf(context, step);
    // The member of a join that is under way is nobody's leftover; the next step follows that join to its end.
    if (await isJoining(context, machine)) return { kind: 'done' };
    const judgement = await judge(context, machine, undefined);
    switch (judgement.kind) {
      case 'none':
        return { kind: 'done' };
      case 'refuse':
        // One that lives is not stale; the join itself will not go over it.
        if (judgement.reason === 'MemberAlive') return { kind: 'done' };
        return { kind: 'blocked', reason: judgement.reason, message: judgement.message };
      case 'probe':
      case 'remove':
        return {
          kind: 'todo',
          why: `etcd's member ${judgement.member.id} has the peer URL of ${machine.spec.name}, which is yet to join`,
        };
    }
  },

  async apply(context, step) {
    await clearStaleMemberOf(context, machineOf(context, step));
  },

  async verify(context, step) {
    const machine = machineOf(context, step);
    const judgement = await judge(context, machine, undefined);
    if (judgement.kind === 'none' || (judgement.kind === 'refuse' && judgement.reason === 'MemberAlive'))
      return;
    throw new HansaError(`etcd still has a member with the peer URL of ${machine.spec.name}`, {
      reason: 'StaleMember',
    });
  },
};

export function peerUrlOf({ internalAddress }: Pick<Machine, 'internalAddress'>): string {
  return addressUrl(internalAddress, 2380);
}

/** Removes the stale member of a machine if there is one. @throws HansaError with the exact command for a person, if it may not */
export async function clearStaleMemberOf(context: StepContext, machine: Machine): Promise<void> {
  if (context.cluster.etcd.kind === 'external') return;
  if (await isJoining(context, machine)) {
    throw new HansaError(
      `an earlier attempt's "kubeadm join" still runs on ${machine.spec.name}: it is waited for, or ended after 15 minutes`,
      { reason: 'JoinStillRunning' },
    );
  }
  let judgement = await judge(context, machine, undefined);
  if (judgement.kind === 'probe') {
    judgement = await judge(context, machine, await allProbesFail(context, machine));
  }
  switch (judgement.kind) {
    case 'none':
      return;
    case 'remove': {
      const { member, why } = judgement;
      const post = await context.healthyControlPlane([machine.spec.name]);
      await context.intent({ removesMember: member.id, peerUrl: peerUrlOf(machine), why });
      context.update(`removing etcd's stale member ${member.id}`);
      await removeMember(post, member.id, { signal: context.signal });
      context.note({ removedMember: member.id });
      return;
    }
    case 'refuse':
      throw new HansaError(judgement.message, {
        reason: judgement.reason,
        // One that lives may yet become whole by itself.
        retry: judgement.reason === 'MemberAlive' ? 'backoff' : 'never',
      });
    case 'probe':
      throw new HansaError(`etcd's member of ${machine.spec.name} could not be probed`, {
        reason: 'StaleMember',
      });
  }
}

async function isJoining({ signal }: StepContext, { transport }: Machine): Promise<boolean> {
  const { stdout } = await transport.exec({
    script: `systemctl list-units --plain --no-legend --state=active,activating,deactivating 'hansa-kubeadm-join-*'`,
    root: true,
    signal,
  });
  return stdout.trim() !== '';
}

async function judge(
  context: StepContext,
  machine: Machine,
  probesFailed: boolean | undefined,
): Promise<StaleJudgement> {
  const { signal, journal } = context;
  if (context.cluster.etcd.kind === 'external') return { kind: 'none' };
  const post = await context.healthyControlPlane([machine.spec.name]);
  const [members, node, data] = await Promise.all([
    readMembers(post, { signal }),
    getObject(post, ['node', machine.spec.nodeName], { signal }),
    machine.transport.exec({ script: `${etcdDataLibrary}\n! has_etcd_data`, root: true, signal }),
  ]);
  const { conditions = [] } = (node?.status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  const joins = journal.filter(({ step }) => step === `${machine.spec.name}/join-control-plane`);
  return judgeStaleMember({
    members,
    peerUrl: peerUrlOf(machine),
    isUnfinished:
      joins.some(({ event }) => event === 'intent') &&
      joins.findLast(({ event }) => event !== 'intent')?.event !== 'done',
    hasData: data.code !== 0,
    isNodeReady: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    probesFailed,
  });
}

const probes = 3;
const probePauseMs = 20_000;

/** A member that is only slow to start shall not be taken for dead. */
async function allProbesFail(context: StepContext, machine: Machine): Promise<boolean> {
  const { signal, clock } = context;
  for (let probe = 1; probe <= probes; probe += 1) {
    context.update(`asking etcd's member of ${machine.spec.name} whether it lives (${probe} of ${probes})`);
    const post = await context.healthyControlPlane([machine.spec.name]);
    const members = await readMembers(post, { signal });
    const own = members.find(({ peerUrls }) => peerUrls.includes(peerUrlOf(machine)));
    if (own?.isHealthy !== false) return false;
    if (probe < probes) await clock.sleep(probePauseMs, signal);
  }
  return true;
}
