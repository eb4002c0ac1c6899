import type { EtcdMember, NodeSight } from '../facts.ts';
import type { JournalRecord } from '../journal.ts';
import { hasNeverVoted, membersWithoutMachine, removalOf } from '../stale-member.ts';
import type { Refusal } from '../steps.ts';
import { refuse } from './draft.ts';
import type { Drop } from './membership.ts';
import { peerUrlOf, type Seat } from './seats.ts';
import type { Up } from './stage.ts';

export interface Strays {
  readonly drops: readonly Drop[];
  readonly nodes: readonly NodeSight[];
  readonly warnings: readonly Refusal[];
}

/** Members and Nodes that none of the known machines accounts for. */
export function straysOf(
  { members, nodes }: Up,
  known: readonly Seat[],
  {
    journal,
    forgotten,
    isEtcdExternal,
  }: {
    readonly journal: readonly JournalRecord[];
    readonly forgotten: ReadonlySet<string>;
    readonly isEtcdExternal: boolean;
  },
): Strays {
  const urls = known.flatMap(({ address, member }) => [
    ...(address === undefined ? [] : [peerUrlOf(address)]),
    ...(member?.peerUrls ?? []),
  ]);
  const strays = isEtcdExternal ? [] : membersWithoutMachine(members, urls);
  const judged = strays.map((member) => ({ member, why: whyDropped(member, journal, forgotten) }));
  const names = new Set(known.map(({ machine }) => machine.nodeName));
  const strangers = nodes.filter(({ name }) => !names.has(name));
  const gone = strangers.filter(({ name, isReady }) => forgotten.has(name) && !isReady);
  return {
    drops: judged.flatMap(({ member, why }) => (why === undefined ? [] : [{ kind: 'drop', member, why }])),
    nodes: gone,
    warnings: [
      ...judged.flatMap(({ member, why }) => (why === undefined ? [strangeMember(member)] : [])),
      ...strangers.filter((node) => !gone.includes(node)).map(strangeNode),
    ],
  };
}

/** Learners of machines that can't be reached: they would hold up every other change, and nothing depends on them. */
export function absentLearners(seats: readonly Seat[]): readonly Drop[] {
  return seats.flatMap(({ machine, member, facts }): Drop[] =>
    member && !facts && hasNeverVoted(member)
      ? [
          {
            kind: 'drop',
            member,
            why: `${machine.name} can't be reached in the midst of its join; it joins anew when it is back`,
          },
        ]
      : [],
  );
}

/** undefined: a person must say what it is. */
function whyDropped(
  member: EtcdMember,
  journal: readonly JournalRecord[],
  forgotten: ReadonlySet<string>,
): string | undefined {
  const isJoinOfOurs = journal.some(
    ({ step, event, evidence }) =>
      event === 'intent' &&
      step.endsWith('/join-control-plane') &&
      member.peerUrls.includes(evidence['peerUrl'] ?? ''),
  );
  if (hasNeverVoted(member) && isJoinOfOurs)
    return 'a join of Hansa was left unfinished, and its machine is in the spec no more';
  if (forgotten.has(member.name) && member.isHealthy !== true) {
    return `${member.name} was said to be switched off for good`;
  }
  return undefined;
}

function strangeMember(member: EtcdMember): Refusal {
  return refuse(
    'MemberWithoutMachine',
    `etcd has the ${member.isLearner ? 'learner' : 'member'} ${member.name || member.id} at ${member.peerUrls.join(', ')}, and no machine of the spec is there: put its machine into the spec, or run "${removalOf(member)}" on a control plane if nobody needs it`,
  );
}

function strangeNode({ name, isReady }: NodeSight): Refusal {
  return refuse(
    'NodeWithoutMachine',
    `Node ${name} is of no machine of the spec: put its machine into the spec${isReady ? '' : `, or say "--forget-unreachable ${name}" if it is gone for good`}`,
  );
}
