/** A bar of cells: ready replicas, those that are wanted and not ready yet, and what is missing to the whole. */
export interface ShareBar {
  readonly ready: number;
  readonly wanted: number;
  readonly rest: number;
}

/** Rounded, but never so that one pod is no cell or a missing one is hidden. */
export function shareBar(
  side: { readonly ready?: number | undefined; readonly desired?: number | undefined } | undefined,
  total: number,
  width: number,
): ShareBar {
  const ready = cells(side?.ready ?? 0, total, width);
  const desired = Math.max(ready, cells(side?.desired ?? 0, total, width));
  // A pod that is wanted and not ready shows, even where rounding would hide it.
  const lacks = (side?.desired ?? 0) > (side?.ready ?? 0) && desired === ready;
  const shown = lacks && ready > 1 && ready === width ? ready - 1 : ready;
  const wanted = lacks && shown < width ? 1 : desired - shown;
  return { ready: shown, wanted, rest: width - shown - wanted };
}

function cells(part: number, total: number, width: number): number {
  if (part <= 0 || total <= 0) return 0;
  if (part >= total) return width;
  return Math.min(Math.max(1, Math.round((part / total) * width)), Math.max(1, width - 1));
}
