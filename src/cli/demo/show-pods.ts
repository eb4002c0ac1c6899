import { styleText } from 'node:util';
import type { Clock, Progress } from '../../base/index.ts';
import { type DemoRow, isComplete, podTotals } from './demo-rows.ts';
import { noPaint, type Paint, tableOf } from './demo-table.ts';
import { demoMembers } from './expectations.ts';
import { canDrawLive, liveBlock } from './live-block.ts';

/** Shows how far it is, again and again, and once more at the end. */
export interface Picture {
  update(rows: readonly DemoRow[], elapsedMs: number): void;
  end(rows: readonly DemoRow[], elapsedMs: number): void;
}

/** The table live on a terminal; elsewhere lines of progress, and the table at the end. */
export function pictureOn(stream: NodeJS.WriteStream, progress: Progress): Picture {
  return canDrawLive(stream) ? livePicture(stream) : plainPicture(stream, progress);
}

function livePicture(stream: NodeJS.WriteStream): Picture {
  const paint: Paint = (style, text) => styleText(style, text, { stream });
  const block = liveBlock(stream);
  const lines = (rows: readonly DemoRow[], elapsedMs: number, isEnd: boolean) => [
    '',
    headerOf(rows, { elapsedMs, isEnd }, paint),
    '',
    ...tableOf(rows, demoMembers, paint),
  ];
  return {
    update: (rows, elapsedMs) => block.draw(lines(rows, elapsedMs, false)),
    end: (rows, elapsedMs) => block.end(lines(rows, elapsedMs, true)),
  };
}

function plainPicture(stream: NodeJS.WritableStream, progress: Progress): Picture {
  const step = progress.step('Wait until the pods are Ready in the members');
  return {
    update: (rows) => step.update(countText(rows)),
    end: (rows, elapsedMs) => {
      if (isComplete(rows)) step.done(countText(rows));
      else step.fail(countText(rows));
      const header = headerOf(rows, { elapsedMs, isEnd: true }, noPaint);
      stream.write(`${['', header, '', ...tableOf(rows, demoMembers)].join('\n')}\n`);
    },
  };
}

/** What is going on, in one line. */
export function headerOf(
  rows: readonly DemoRow[],
  { elapsedMs, isEnd }: { readonly elapsedMs: number; readonly isEnd: boolean },
  paint: Paint,
): string {
  const counts = countText(rows);
  const elapsed = `${Math.floor(elapsedMs / 1000)} s`;
  if (isComplete(rows))
    return `${paint('green', '✓')} ${paint('bold', `${counts}: all there after ${elapsed}`)}`;
  if (isEnd) return `${paint('red', '✗')} ${paint('bold', `${counts}: not complete after ${elapsed}`)}`;
  return `${paint('cyan', '…')} ${counts} in the members · ${elapsed}`;
}

function countText(rows: readonly DemoRow[]): string {
  const { ready, wanted } = podTotals(rows);
  return `${ready} of ${wanted} pods Ready`;
}

/** The watches tell within milliseconds; a person sees no more pictures than this. */
const pictureMs = 100;

/** Shows the rows until they are complete; resolves with the last ones, complete or not, when `late` is given. */
export async function showUntilComplete(
  readRows: () => readonly DemoRow[],
  {
    picture,
    elapsedMs,
    clock,
    signal,
    late,
  }: {
    readonly picture: Picture;
    readonly elapsedMs: () => number;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly late: AbortSignal;
  },
): Promise<readonly DemoRow[]> {
  for (;;) {
    const rows = readRows();
    if (isComplete(rows) || signal.aborted || late.aborted) {
      picture.end(rows, elapsedMs());
      signal.throwIfAborted();
      return rows;
    }
    picture.update(rows, elapsedMs());
    await clock.sleep(pictureMs, AbortSignal.any([signal, late])).catch(() => undefined);
  }
}
