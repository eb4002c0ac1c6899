import { HansaError, messageOf } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import { readMembers } from '../etcd/read-members.ts';
import { hasQuorum, quorumOf, tallyOf, tell } from '../plan/quorum.ts';

/** A restart takes one member away for some seconds; that must not be the one that was missing to lose quorum. @throws HansaError QuorumAtRisk */
export async function refuseToRiskQuorum(context: StepContext, machine: Machine): Promise<void> {
  const members = await readMembers(machine, { signal: context.signal }).catch((error: unknown) => {
    // With expired certificates nobody answers, and a restart can only help.
    context.logger.info('etcd does not answer before its restart', {
      machine: machine.spec.name,
      error: messageOf(error),
    });
    return [];
  });
  const tally = tallyOf(members);
  const self = members.find(({ name }) => name === machine.spec.nodeName);
  const left = tally.healthy - (self?.isHealthy === true && !self.isLearner ? 1 : 0);
  // Without quorum now there is none to lose; one and two members always miss one while it restarts.
  if (!hasQuorum(tally) || tally.voters < 3 || left >= quorumOf(tally.voters)) return;
  throw new HansaError(
    `etcd on ${machine.spec.name} is not restarted: ${tell(tally)}, ${quorumOf(tally.voters)} needed, so without this one ` +
      'the cluster would stop; mend the other member first',
    { reason: 'QuorumAtRisk' },
  );
}
