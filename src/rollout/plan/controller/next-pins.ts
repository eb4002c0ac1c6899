import { noRevision, type Pins } from '../../../api/rollout.hansa.dev/v1alpha1/pins.ts';

export interface PinsInput {
  /** As they are on the federated object; another rollout's count as none. */
  readonly before: Pins | undefined;
  readonly rollout: string;
  readonly contender: string;
  /** What was completed last: what clusters have that are not named. */
  readonly stable: string | undefined;
  /** Clusters of the plan. */
  readonly members: readonly string[];
  /** Clusters that get the contender now, and those that go back. */
  readonly forward: ReadonlySet<string>;
  readonly back: ReadonlySet<string>;
  readonly patches: NonNullable<Pins['patches']>;
}

/**
 * Which revision each cluster is pinned to from now on. A cluster keeps what it was pinned to unless it is told to move,
 * also when the run around it ends; those that need no word of their own are left to `others`.
 */
export function nextPins({
  before,
  rollout,
  contender,
  stable = noRevision,
  members,
  forward,
  back,
  patches,
}: PinsInput): Pins {
  const own = before?.rollout === rollout ? before : undefined;
  const pinned: [string, string][] = members.toSorted().map((name) => {
    if (forward.has(name)) return [name, contender];
    if (back.has(name)) return [name, stable];
    return [name, own ? (own.members[name] ?? own.others) : stable];
  });
  return {
    rollout,
    members: Object.fromEntries(pinned.filter(([, revision]) => revision !== stable)),
    others: stable,
    ...(patches.length > 0 ? { patches } : {}),
  };
}

/** Every revision that pins name, so that none of them is thrown away. */
export function revisionsOf(pins: Pins | undefined): readonly string[] {
  return pins
    ? [...new Set([...Object.values(pins.members), pins.others])].filter((each) => each !== noRevision)
    : [];
}
