import type { EtcdMember } from '../facts.ts';
import { mayAdd, mayRemove, type QuorumVerdict } from '../quorum.ts';
import type { Refusal } from '../steps.ts';
import { refuse } from './draft.ts';
import { isSamePlace, peerUrlOf, type Seat } from './seats.ts';

/** One change of who the control planes are. */
export type Move =
  | { readonly kind: 'join'; readonly seat: Seat }
  | { readonly kind: 'leave'; readonly seat: Seat }
  | Drop;

/** A member whose machine can't take it out itself. */
export interface Drop {
  readonly kind: 'drop';
  readonly member: EtcdMember;
  readonly why: string;
}

export interface Changes {
  readonly members: readonly EtcdMember[];
  readonly isEtcdExternal: boolean;
  /** Control planes that are nodes already. */
  readonly joined: number;
  readonly joins: readonly Seat[];
  readonly leaves: readonly Seat[];
  readonly drops: readonly Drop[];
}

export type MoveOrder =
  | { readonly kind: 'ordered'; readonly moves: readonly Move[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/**
 * Puts changes of the control plane into an order in which each is safe after those before it: what is dead goes first,
 * since it counts against everything; then one comes before one goes, unless both are the same host.
 */
export function orderMoves(changes: Changes): MoveOrder {
  let state: State = {
    members: changes.members,
    planes: changes.joined,
    left: [
      ...changes.drops,
      ...changes.leaves.map((seat): Move => ({ kind: 'leave', seat })),
      ...changes.joins.map((seat): Move => ({ kind: 'join', seat })),
    ],
    last: undefined,
  };
  const moves: Move[] = [];
  while (state.left.length > 0) {
    const wishes = byPreference(state);
    const verdicts = wishes.map((move) => ({ move, verdict: judge(move, state, changes) }));
    const next = verdicts.find(({ verdict }) => verdict.kind === 'allowed');
    if (!next) return { kind: 'refused', refusal: refusalFor(verdicts) };
    moves.push(next.move);
    state = after(next.move, state);
  }
  return { kind: 'ordered', moves };
}

interface State {
  readonly members: readonly EtcdMember[];
  readonly planes: number;
  readonly left: readonly Move[];
  readonly last: Move['kind'] | undefined;
}

function byPreference({ left, last }: State): readonly Move[] {
  const dead = left.filter((move) => move.kind === 'drop' || (move.kind === 'leave' && isDead(move.seat)));
  const leaves = left.filter((move) => move.kind === 'leave' && !isDead(move.seat));
  const joins = left.filter((move) => move.kind === 'join');
  // One comes, one goes: so the number is never further from the wish than it must be.
  return [...dead, ...(last === 'join' ? [...leaves, ...joins] : [...joins, ...leaves])];
}

/** Nothing is lost with it, and as long as it is listed it counts against every other change. */
function isDead({ member, node }: Seat): boolean {
  return member ? member.isHealthy !== true : node?.isReady !== true;
}

type Verdict =
  | QuorumVerdict
  | {
      readonly kind: 'refused';
      readonly reason: 'LastControlPlane' | 'PlaceTaken';
      readonly message: string;
    };

function judge(move: Move, { members, planes, left }: State, { isEtcdExternal }: Changes): Verdict {
  switch (move.kind) {
    case 'drop':
      return mayRemove(members, move.member.id);
    case 'leave':
      if (planes <= 1 && move.seat.lack === undefined) return lastPlane(move.seat);
      return isEtcdExternal || !move.seat.member
        ? { kind: 'allowed' }
        : mayRemove(members, move.seat.member.id);
    case 'join': {
      const before = left.find((other) => other.kind === 'leave' && isSamePlace(other.seat, move.seat));
      if (before?.kind === 'leave') {
        return blocked(
          `${move.seat.machine.name} takes the place of ${before.seat.machine.name}, which must leave first`,
        );
      }
      return isEtcdExternal ? { kind: 'allowed' } : judgeJoin(move.seat, members);
    }
  }
}

/** What an earlier attempt left goes before the new one comes. A member of its own that lives is no new one. */
function judgeJoin(seat: Seat, members: readonly EtcdMember[]): QuorumVerdict {
  const own = ownMember(seat, members);
  if (!own) return mayAdd(members);
  if (own.isHealthy === true && !own.isLearner) return { kind: 'allowed' };
  const removal = mayRemove(members, own.id);
  return removal.kind === 'allowed' ? mayAdd(members.filter(({ id }) => id !== own.id)) : removal;
}

function ownMember({ address, member }: Seat, members: readonly EtcdMember[]): EtcdMember | undefined {
  if (address === undefined) return member;
  return members.find(({ peerUrls }) => peerUrls.includes(peerUrlOf(address)));
}

/** As it will be; the engine goes on only with a join that came to a good end. */
function after(move: Move, { members, planes, left }: State): State {
  const rest = { left: left.filter((other) => other !== move), last: move.kind };
  switch (move.kind) {
    case 'drop':
      return { ...rest, planes, members: members.filter(({ id }) => id !== move.member.id) };
    case 'leave':
      return {
        ...rest,
        planes: planes - (move.seat.lack === undefined ? 1 : 0),
        members: members.filter(({ id }) => id !== move.seat.member?.id),
      };
    case 'join': {
      const own = ownMember(move.seat, members);
      return {
        ...rest,
        planes: planes + 1,
        members: [...members.filter((member) => member !== own), newcomer(move.seat)],
      };
    }
  }
}

function newcomer({ machine, address }: Seat): EtcdMember {
  return {
    id: `of ${machine.name}`,
    name: machine.nodeName,
    peerUrls: address === undefined ? [] : [peerUrlOf(address)],
    clientUrls: [],
    isLearner: false,
    isHealthy: true,
    isLeader: false,
    dbSizeBytes: undefined,
    raftIndex: undefined,
    alarms: [],
  };
}

function lastPlane({ machine }: Seat): Verdict {
  return {
    kind: 'refused',
    reason: 'LastControlPlane',
    message: `${machine.name} is the only control plane: add another one first, or delete the cluster if that is meant`,
  };
}

function blocked(message: string): Verdict {
  return { kind: 'refused', reason: 'PlaceTaken', message };
}

/** Of several things that can't be done, the one that others wait for. */
function refusalFor(verdicts: readonly { readonly move: Move; readonly verdict: Verdict }[]): Refusal {
  const refused = verdicts.flatMap(({ move, verdict }) =>
    verdict.kind === 'refused' ? [{ move, verdict }] : [],
  );
  const told = refused.find(({ verdict }) => verdict.reason !== 'PlaceTaken') ?? refused[0];
  const machine = told?.move.kind === 'drop' ? undefined : told?.move.seat.machine.name;
  return refuse(told?.verdict.reason ?? 'QuorumAtRisk', told?.verdict.message ?? '', { machine });
}
