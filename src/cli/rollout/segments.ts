import type { Paint, Style } from './paint.ts';

/** A piece of a line in one style. Lines are measured and cut before they are coloured. */
export interface Segment {
  readonly text: string;
  readonly style?: Style;
}

export function segment(text: string, style?: Style): Segment {
  return style === undefined ? { text } : { text, style };
}

/** Paints a line, cut to the width where it is longer. */
export function paintLine(segments: readonly Segment[], width: number, paint: Paint): string {
  let left = Math.max(1, width);
  const painted: string[] = [];
  const total = segments.reduce((sum, { text }) => sum + text.length, 0);
  for (const { text, style } of segments) {
    const isCut = text.length > left || (text.length === left && painted.length > 0 && total > width);
    const shown = isCut ? `${text.slice(0, left - 1)}…` : text;
    painted.push(style ? paint(style, shown) : shown);
    left -= shown.length;
    if (left <= 0) break;
  }
  return painted.join('');
}
