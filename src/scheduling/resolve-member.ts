import type { Member } from './member.ts';

export type Resolved =
  | { readonly kind: 'found'; readonly member: Member }
  | { readonly kind: 'unknown'; readonly message: string }
  | { readonly kind: 'ambiguous'; readonly message: string };

/** Finds the member that a user means: by name first, else by alias. */
export function resolveMember(written: string, members: readonly Member[]): Resolved {
  const byName = members.find(({ name }) => name === written);
  if (byName) return { kind: 'found', member: byName };
  const byAlias = members.filter(({ alias }) => alias === written);
  const [only, ...others] = byAlias;
  if (!only) {
    return {
      kind: 'unknown',
      message: `"${written}" is not the name or alias of a joined cluster; ${joinedNames(members)}`,
    };
  }
  if (others.length > 0) {
    const names = byAlias.map(({ name }) => name).join(' and ');
    return {
      kind: 'ambiguous',
      message: `the alias "${written}" is carried by ${names}: use the cluster's name, or change the annotation hansa.dev/alias of one`,
    };
  }
  return { kind: 'found', member: only };
}

function joinedNames(members: readonly Member[]): string {
  if (members.length === 0) return 'none has joined';
  const names = members.map(({ name, alias }) => (alias ? `${name} (alias ${alias})` : name));
  const shown = names.slice(0, 10).join(', ');
  return `joined are ${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}
