import type { MemberSpec } from '../sandbox/index.ts';
import { invalidOption } from './host-options.ts';

/** More control planes than this fill the memory of any desk (340 MB each at least). */
const maxMembers = 50;

/**
 * Members as the command line names them: a number (`3` means cluster1 to cluster3), or names with commas. Regions are
 * dealt out in turn; `A=cluster1` among the aliases gives a second name.
 */
export function readMembers(
  members: string,
  { regions, aliases }: { readonly regions?: string | undefined; readonly aliases?: string | undefined } = {},
): MemberSpec[] {
  const names = /^\d+$/.test(members) ? numbered(Number(members)) : splitList(members);
  const places = splitList(regions ?? '');
  const secondNames = readAliases(aliases ?? '', names);
  return names.map((name, index) => {
    const region = places[index % places.length];
    const alias = secondNames.get(name);
    return {
      name,
      ...(region ? { region, labels: { region } } : {}),
      ...(alias ? { alias } : {}),
    };
  });
}

function numbered(count: number): string[] {
  if (count > maxMembers) throw invalidOption(`--members ${count}: at most ${maxMembers} fit on one machine`);
  return Array.from({ length: count }, (_, index) => `cluster${index + 1}`);
}

function readAliases(aliases: string, names: readonly string[]): Map<string, string> {
  return new Map(
    splitList(aliases).map((entry) => {
      const [alias = '', name = ''] = entry.split('=');
      if (!alias || !names.includes(name)) {
        throw invalidOption(`--aliases ${entry}: write ALIAS=MEMBER, with one of ${names.join(', ')}`);
      }
      return [name, alias];
    }),
  );
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);
}

/** A whole number from the command line. */
export function readNumber(option: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(`${option} ${text}: give a whole number from ${min} to ${max}`);
}
