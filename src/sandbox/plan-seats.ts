import { HansaError } from '../base/index.ts';
import { hostName, type MemberSpec, type Parts } from './member-spec.ts';
import { assertPlainName } from './places.ts';
import type { ControlPlaneState } from './state.ts';

export interface SeatWishes {
  readonly members: readonly MemberSpec[];
  readonly parts: Parts;
  readonly hostParts: Parts;
  readonly nodesPerMember: number;
}

/** Two ports a control plane: API server, etcd. */
export type FindPort = () => Promise<number>;

/**
 * The control planes to start, host first. Kept data keeps its ports, so that kubeconfigs that were handed out go on
 * working.
 * @throws HansaError InvalidName, MembersDiffer
 */
export async function planSeats(
  { members, parts, hostParts, nodesPerMember }: SeatWishes,
  kept: readonly ControlPlaneState[],
  findPort: FindPort,
): Promise<ControlPlaneState[]> {
  assertMemberNames(members);
  assertSameMembers(members, kept);
  const wanted: Omit<ControlPlaneState, 'apiPort' | 'etcdPort'>[] = [
    { name: hostName, parts: hostParts, nodes: hostParts === 'full' ? nodesPerMember : 0 },
    ...members.map((spec) => ({
      name: spec.name,
      parts,
      nodes: parts === 'full' ? nodesPerMember : 0,
      spec,
    })),
  ];
  const seats: ControlPlaneState[] = [];
  for (const seat of wanted) {
    const before = kept.find(({ name }) => name === seat.name);
    seats.push({
      ...seat,
      apiPort: before?.apiPort ?? (await findPort()),
      etcdPort: before?.etcdPort ?? (await findPort()),
    });
  }
  return seats;
}

function assertMemberNames(members: readonly MemberSpec[]): void {
  const seen = new Set([hostName]);
  for (const { name } of members) {
    assertPlainName(name, 'member');
    if (seen.has(name)) {
      throw new HansaError(
        name === hostName
          ? `no member can be called "${hostName}": that is the control plane Hansa itself runs on`
          : `two members are called "${name}": give each its own name`,
        { reason: 'InvalidName', retry: 'never' },
      );
    }
    seen.add(name);
  }
}

function assertSameMembers(members: readonly MemberSpec[], kept: readonly ControlPlaneState[]): void {
  if (kept.length === 0) return;
  const before = kept.map(({ name }) => name).filter((name) => name !== hostName);
  const now = members.map(({ name }) => name);
  if (before.length === now.length && before.every((name) => now.includes(name))) return;
  throw new HansaError(
    `the kept data has the members ${before.join(', ') || '(none)'}, and not ${now.join(', ') || '(none)'}: ` +
      'ask for the same ones, or remove the data with "hansa sandbox down"',
    { reason: 'MembersDiffer', retry: 'never' },
  );
}
