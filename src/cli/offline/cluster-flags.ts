import type { Member, MemberName } from '../../scheduling/index.ts';
import { invalidOption } from '../host-options.ts';

/** The clusters of `--clusters A,B`, with the labels of `-l`. */
export function readMembers(clusters: string | undefined, labels: readonly string[] = []): readonly Member[] {
  const names = namesIn(clusters);
  const byName = new Map<string, Record<string, string>>(names.map((name) => [name, {}]));
  for (const piece of labels.flatMap(pieces)) {
    const { cluster, key, value } = readLabel(piece);
    const chosen = cluster === undefined ? names : [cluster];
    for (const name of chosen) {
      const own = byName.get(name);
      if (!own)
        throw invalidOption(`--labels ${piece}: "${name}" is not one of --clusters ${names.join(',')}`);
      own[key] = value;
    }
  }
  return names.map((name) => ({ name: name as MemberName, labels: byName.get(name) ?? {} }));
}

/** Numbers by cluster, as in `--current A=3,B=0`. */
export function readCounts(
  flag: string,
  text: string | undefined,
  names: readonly string[],
): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const piece of pieces(text ?? '')) {
    const at = piece.lastIndexOf('=');
    const name = piece.slice(0, at);
    const count = piece.slice(at + 1);
    if (at < 1 || !/^[0-9]+$/.test(count) || !Number.isSafeInteger(Number(count))) {
      throw invalidOption(`${flag} ${piece}: write it as CLUSTER=NUMBER, such as A=3`);
    }
    if (!names.includes(name)) throw invalidOption(`${flag} ${piece}: "${name}" is not one of --clusters`);
    if (counts.has(name)) throw invalidOption(`${flag}: ${name} has two numbers`);
    counts.set(name, Number(count));
  }
  return Object.fromEntries(counts);
}

function namesIn(clusters: string | undefined): readonly string[] {
  const names = pieces(clusters ?? '');
  if (names.length === 0) throw invalidOption('name the clusters, such as --clusters A,B');
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalidOption(`--clusters names ${twice} twice`);
  return names;
}

function pieces(text: string): readonly string[] {
  return text
    .split(',')
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '');
}

/** `A:region=eu` for one cluster, `region=eu` for all. No label key has a colon in it. */
function readLabel(piece: string): { cluster: string | undefined; key: string; value: string } {
  const equals = piece.indexOf('=');
  if (equals < 1) throw invalidOption(`--labels ${piece}: write it as KEY=VALUE, or as CLUSTER:KEY=VALUE`);
  const left = piece.slice(0, equals);
  const value = piece.slice(equals + 1);
  const colon = left.indexOf(':');
  if (colon < 0) return { cluster: undefined, key: left, value };
  return { cluster: left.slice(0, colon), key: left.slice(colon + 1), value };
}
