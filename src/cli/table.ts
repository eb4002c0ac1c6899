/** A column of a table: its heading and what a row shows in it. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string | number | undefined;
  /** Numbers read better with their ends below each other. */
  readonly align?: 'left' | 'right';
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

const gap = '  ';
const absent = '-';

/** Plain text in columns as kubectl prints it; the last column is not padded. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { wide = false }: { readonly wide?: boolean } = {},
): string {
  const shown = columns.filter((column) => wide || !column.wide);
  const lines = [
    shown.map(({ heading }) => heading),
    ...rows.map((row) => shown.map(({ cell }) => plain(cell(row)))),
  ];
  const widths = shown.map((_, i) => Math.max(...lines.map((cells) => widthOf(cells[i] ?? ''))));
  return lines
    .map((cells) =>
      cells
        .map((text, i) => pad(text, widths[i] ?? 0, shown[i]?.align ?? 'left'))
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blank = ' '.repeat(width - widthOf(text));
  return align === 'left' ? text + blank : blank + text;
}

function widthOf(text: string): number {
  return Array.from(text).length;
}

/**
 * One line without control characters: messages come from other machines, and an escape sequence among them would
 * be obeyed by the terminal.
 */
export function plain(value: string | number | undefined): string {
  if (value === undefined || value === '') return absent;
  return String(value)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '?');
}

const secondMs = 1000;
const steps = [
  { ms: 365 * 24 * 3600 * secondMs, unit: 'y', next: 24 * 3600 * secondMs, nextUnit: 'd' },
  { ms: 24 * 3600 * secondMs, unit: 'd', next: 3600 * secondMs, nextUnit: 'h' },
  { ms: 3600 * secondMs, unit: 'h', next: 60 * secondMs, nextUnit: 'm' },
  { ms: 60 * secondMs, unit: 'm', next: secondMs, nextUnit: 's' },
] as const;

/** How long ago, as kubectl says it: `5s`, `3m20s`, `7h`, `12d`. Absent and odd times give undefined. */
export function ageOf(time: string | null | undefined, nowMs: number): string | undefined {
  const ms = nowMs - Date.parse(time ?? '');
  if (Number.isNaN(ms)) return undefined;
  for (const { ms: size, unit, next, nextUnit } of steps) {
    if (ms < size) continue;
    const whole = Math.floor(ms / size);
    const rest = Math.floor((ms % size) / next);
    // The second part matters only while the first is small.
    return whole < 10 && rest > 0 ? `${whole}${unit}${rest}${nextUnit}` : `${whole}${unit}`;
  }
  return `${Math.max(0, Math.floor(ms / secondMs))}s`;
}
