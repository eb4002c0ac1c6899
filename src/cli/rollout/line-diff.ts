export type DiffLine =
  | { readonly kind: 'same'; readonly text: string }
  | { readonly kind: 'removed'; readonly text: string }
  | { readonly kind: 'added'; readonly text: string };

/**
 * What it may cost: the way to a result of d changes takes d² numbers of memory. Beyond this many changes a person
 * reads both sides as wholes, and so does this.
 */
const maxChanges = 1500;

/**
 * The fewest lines to remove and add, by Myers' greedy walk. Written here because no dependency brings a line diff,
 * and one for a single command would be more to look after than these lines.
 */
export function diffLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return [
    ...before.slice(0, start).map(same),
    ...changed(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

function changed(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const ways = walk(before, after);
  return ways ? retrace(before, after, ways) : [...before.map(removed), ...after.map(added)];
}

/**
 * Furthest line of `before` reached on each diagonal (line of `before` minus line of `after`), one array a number of
 * changes; undefined where there are too many.
 */
function walk(before: readonly string[], after: readonly string[]): readonly Int32Array[] | undefined {
  const ways: Int32Array[] = [];
  let furthest = new Int32Array(3);
  for (let changes = 0; changes <= Math.min(before.length + after.length, maxChanges); changes++) {
    // Diagonal k is kept at k + changes + 1, so that both neighbours of the outermost exist.
    const next = new Int32Array(2 * changes + 3);
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      let x = startOf(furthest, changes, diagonal);
      let y = x - diagonal;
      while (x < before.length && y < after.length && before[x] === after[y]) {
        x += 1;
        y += 1;
      }
      next[diagonal + changes + 1] = x;
      if (x >= before.length && y >= after.length) return [...ways, next];
    }
    ways.push(next);
    furthest = next;
  }
  return undefined;
}

function startOf(furthest: Int32Array, changes: number, diagonal: number): number {
  if (changes === 0) return 0;
  return comesFromAdded(furthest, changes, diagonal)
    ? at(furthest, changes - 1, diagonal + 1)
    : at(furthest, changes - 1, diagonal - 1) + 1;
}

/** Whether the last change on the way there was an added line. */
function comesFromAdded(furthest: Int32Array, changes: number, diagonal: number): boolean {
  if (diagonal === -changes) return true;
  if (diagonal === changes) return false;
  return at(furthest, changes - 1, diagonal - 1) < at(furthest, changes - 1, diagonal + 1);
}

function at(furthest: Int32Array, changes: number, diagonal: number): number {
  return furthest[diagonal + changes + 1] ?? 0;
}

function retrace(
  before: readonly string[],
  after: readonly string[],
  ways: readonly Int32Array[],
): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let x = before.length;
  let y = after.length;
  for (let changes = ways.length - 1; changes > 0; changes--) {
    const furthest = ways[changes - 1] as Int32Array;
    const diagonal = x - y;
    const isAdded = comesFromAdded(furthest, changes, diagonal);
    const from = isAdded ? diagonal + 1 : diagonal - 1;
    const fromX = at(furthest, changes - 1, from);
    const fromY = fromX - from;
    // Equal lines come after the change.
    while (x > (isAdded ? fromX : fromX + 1)) lines.push(same(before[--x] ?? ''));
    lines.push(isAdded ? added(after[fromY] ?? '') : removed(before[fromX] ?? ''));
    x = fromX;
    y = fromY;
  }
  while (x > 0) lines.push(same(before[--x] ?? ''));
  return lines.toReversed();
}

const same = (text: string): DiffLine => ({ kind: 'same', text });
const removed = (text: string): DiffLine => ({ kind: 'removed', text });
const added = (text: string): DiffLine => ({ kind: 'added', text });
