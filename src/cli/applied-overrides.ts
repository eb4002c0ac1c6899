import type { FederatedHub, HubClusterOverride } from '../api/hub.ts';
import { type Member, matchesSelector, resolveMember } from '../scheduling/index.ts';

/** One change to the template that applies to one cluster. */
export interface AppliedOverride {
  readonly cluster: string;
  readonly op: string;
  readonly path: string;
  /** As JSON; absent for a removal. */
  readonly value: string | undefined;
  /** `clusterName` or `clusterSelector`: which of the two led to this cluster. */
  readonly by: string;
}

const valueMaxLength = 60;

/** Which overrides of an object apply where, in the order in which they are applied. */
export function appliedOverrides(
  { overrides, target }: Pick<FederatedHub, 'overrides' | 'target'>,
  members: readonly Member[],
): readonly AppliedOverride[] {
  return members.flatMap((member) =>
    overrides.flatMap(({ clusterName, clusterSelector, clusterOverrides }) => {
      const by = nameLeadsTo(clusterName, member, members)
        ? 'clusterName'
        : clusterSelector && matchesSelector(clusterSelector, member.labels)
          ? 'clusterSelector'
          : undefined;
      if (!by) return [];
      return clusterOverrides.map((change) => ({
        cluster: member.name,
        op: change.op || 'replace',
        path: change.path,
        value: valueText(change, target.kind),
        by,
      }));
    }),
  );
}

function nameLeadsTo(written: string | undefined, member: Member, members: readonly Member[]): boolean {
  if (written === undefined) return false;
  const resolved = resolveMember(written, members);
  return resolved.kind === 'found' && resolved.member.name === member.name;
}

function valueText({ op, value }: HubClusterOverride, targetKind: string): string | undefined {
  if (op === 'remove') return undefined;
  // The terminal's history is no place for what a Secret holds.
  if (targetKind === 'Secret') return '(hidden)';
  const text = JSON.stringify(value) ?? 'null';
  return text.length > valueMaxLength ? `${text.slice(0, valueMaxLength)}…` : text;
}
