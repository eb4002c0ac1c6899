import { type DiffLine, diffLines } from './line-diff.ts';

/** Unchanged lines around each change. */
const contextLines = 3;

/** A unified diff as `diff -u` prints it; no line at all if both are equal. */
export function unifiedDiff(
  before: { readonly title: string; readonly lines: readonly string[] },
  after: { readonly title: string; readonly lines: readonly string[] },
): readonly string[] {
  const lines = diffLines(before.lines, after.lines);
  const hunks = hunksOf(lines);
  if (hunks.length === 0) return [];
  return [`--- ${before.title}`, `+++ ${after.title}`, ...hunks.flatMap((hunk) => hunkText(lines, hunk))];
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Changes with what is around them; those that touch are one. */
function hunksOf(lines: readonly DiffLine[]): readonly Range[] {
  const hunks: { from: number; to: number }[] = [];
  lines.forEach(({ kind }, index) => {
    if (kind === 'same') return;
    const from = Math.max(0, index - contextLines);
    const to = Math.min(lines.length, index + contextLines + 1);
    const last = hunks.at(-1);
    if (last && from <= last.to) last.to = to;
    else hunks.push({ from, to });
  });
  return hunks;
}

const marks: Readonly<Record<DiffLine['kind'], string>> = { same: ' ', removed: '-', added: '+' };

function hunkText(lines: readonly DiffLine[], { from, to }: Range): readonly string[] {
  const shown = lines.slice(from, to);
  const earlier = lines.slice(0, from);
  return [
    `@@ -${rangeText(earlier, shown, 'added')} +${rangeText(earlier, shown, 'removed')} @@`,
    ...shown.map(({ kind, text }) => `${marks[kind]}${text}`),
  ];
}

/** Start and number of lines on the side that does not have lines of that kind. */
function rangeText(
  earlier: readonly DiffLine[],
  shown: readonly DiffLine[],
  absent: DiffLine['kind'],
): string {
  const count = shown.filter(({ kind }) => kind !== absent).length;
  const before = earlier.filter(({ kind }) => kind !== absent).length;
  // An empty side is named by the line before it.
  return `${count === 0 ? before : before + 1},${count}`;
}
