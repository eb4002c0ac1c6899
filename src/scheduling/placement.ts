import { type LabelSelector, matchesSelector, selectorProblems } from './label-selector.ts';
import type { Member, MemberName } from './member.ts';
import { resolveMember } from './resolve-member.ts';

export interface Placement {
  /** Absent and empty differ: absent leaves it to the selector, empty selects none. */
  readonly clusters?: readonly { readonly name: string }[];
  readonly clusterSelector?: LabelSelector;
}

/** Whether the placement selects a member, and which rule decided. */
export type Verdict =
  | { readonly kind: 'selected'; readonly by: 'clusters' | 'clusterSelector' }
  | { readonly kind: 'left-out'; readonly because: 'not-listed' | 'labels-differ' };

export interface PlacementProblem {
  readonly kind: 'unknown' | 'ambiguous';
  /** The name as the user wrote it. */
  readonly name: string;
  /** Its place in the list. */
  readonly index: number;
  readonly message: string;
}

export type Placed =
  | {
      readonly kind: 'placed';
      readonly selected: ReadonlySet<MemberName>;
      readonly verdicts: ReadonlyMap<MemberName, Verdict>;
      /** Names that lead to no member; the others are placed all the same. */
      readonly problems: readonly PlacementProblem[];
    }
  /** The selector can't be evaluated, so nothing is decided about any member. */
  | {
      readonly kind: 'invalid';
      readonly problems: readonly { readonly field: string; readonly message: string }[];
    };

/** Tells for each member whether the placement selects it (KubeFed's rules). */
export function placementOf(placement: Placement, members: readonly Member[]): Placed {
  const { clusters, clusterSelector } = placement;
  // A list wins over a selector even when it is empty: that is how a user takes an object back everywhere.
  if (clusters) return placedByName(clusters, members);
  if (!clusterSelector) return placed(members, () => ({ kind: 'left-out', because: 'not-listed' }), []);
  const problems = selectorProblems(clusterSelector, 'spec.placement.clusterSelector');
  if (problems.length > 0) return { kind: 'invalid', problems };
  return placed(
    members,
    ({ labels }) =>
      matchesSelector(clusterSelector, labels)
        ? { kind: 'selected', by: 'clusterSelector' }
        : { kind: 'left-out', because: 'labels-differ' },
    [],
  );
}

function placedByName(clusters: readonly { readonly name: string }[], members: readonly Member[]): Placed {
  const listed = new Set<MemberName>();
  const problems: PlacementProblem[] = [];
  for (const [index, { name }] of clusters.entries()) {
    const found = resolveMember(name, members);
    if (found.kind === 'found') listed.add(found.member.name);
    else problems.push({ kind: found.kind, name, index, message: found.message });
  }
  return placed(
    members,
    ({ name }) =>
      listed.has(name) ? { kind: 'selected', by: 'clusters' } : { kind: 'left-out', because: 'not-listed' },
    problems,
  );
}

function placed(
  members: readonly Member[],
  verdictOn: (member: Member) => Verdict,
  problems: readonly PlacementProblem[],
): Placed {
  const verdicts = new Map(members.map((member) => [member.name, verdictOn(member)]));
  const selected = new Set([...verdicts].filter(([, { kind }]) => kind === 'selected').map(([name]) => name));
  return { kind: 'placed', selected, verdicts, problems };
}
