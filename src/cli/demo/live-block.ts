import { stripVTControlCharacters } from 'node:util';

/** Lines at the bottom of a terminal that are drawn over each other. */
export interface LiveBlock {
  draw(lines: readonly string[]): void;
  /** Draws for the last time; what comes next is written below. */
  end(lines: readonly string[]): void;
}

/** Whether lines can be drawn over each other there. */
export function canDrawLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb' && !process.env.CI;
}

export function liveBlock(stream: NodeJS.WriteStream): LiveBlock {
  let drawn = 0;
  const write = (lines: readonly string[]) => {
    const up = drawn > 0 ? `\x1b[${drawn}A` : '';
    // Each line clears its own rest instead of the whole block at once: no flicker.
    const text = lines.map((line) => `${line}\x1b[K\n`).join('');
    stream.write(`\r${up}${text}\x1b[J`);
    drawn = lines.length;
  };
  return {
    draw: (lines) => write(fitting(lines, stream)),
    end: write,
  };
}

/**
 * Lines that wrap, or that scroll out at the top, can't be reached any more and would pile up: long ones are cut, and
 * a window that is too low shows the first ones only.
 */
export function fitting(
  lines: readonly string[],
  { columns = 80, rows = 24 }: { readonly columns?: number; readonly rows?: number },
): readonly string[] {
  return lines.slice(0, Math.max(1, rows - 1)).map((line) => cut(line, columns));
}

function cut(line: string, columns: number): string {
  const bare = stripVTControlCharacters(line);
  // Colours go where the line is cut: a code cut in half would be worse.
  return bare.length <= columns ? line : bare.slice(0, columns);
}
