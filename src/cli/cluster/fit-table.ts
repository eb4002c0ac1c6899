import { type Column, renderTable } from '../table.ts';

export interface FittingColumn<Row> extends Column<Row> {
  /** Where there is no room, the column with the highest number goes first; those without one stay. */
  readonly dispensable?: number;
}

/** A table that leaves out what matters least where the terminal is too narrow for all of it. */
export function renderFitting<Row>(
  columns: readonly FittingColumn<Row>[],
  rows: readonly Row[],
  { width, wide = false }: { readonly width?: number | undefined; readonly wide?: boolean } = {},
): string {
  const table = renderTable(columns, rows, { wide });
  if (width === undefined || widthOf(table) <= width) return table;
  const [first] = columns
    .filter((column) => column.dispensable !== undefined && (wide || !column.wide))
    .toSorted((a, b) => (b.dispensable ?? 0) - (a.dispensable ?? 0));
  if (!first) return table;
  return renderFitting(
    columns.filter((column) => column !== first),
    rows,
    { width, wide },
  );
}

function widthOf(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}
