import { styleText } from 'node:util';
import type { Progress, ProgressStep } from '../base/index.ts';

export interface ProgressOptions {
  readonly stream?: NodeJS.WriteStream;
  /** Rewrites lines in place. Default: whether the stream is a terminal that can. */
  readonly live?: boolean;
}

interface Line {
  readonly title: string;
  detail: string;
  state: 'running' | 'done' | 'failed';
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const frameMs = 100;
/** Without a terminal, a step that goes on says so now and then, so that a log shows it is alive. */
const plainIntervalMs = 15_000;

/** Progress for a person: several steps live below each other on a terminal, plain lines elsewhere. Goes to stderr. */
export function createProgress({
  stream = process.stderr,
  live = canRewrite(stream),
}: ProgressOptions = {}): Progress {
  return live ? liveProgress(stream) : plainProgress((line) => stream.write(`${line}\n`));
}

/** One line when a step starts and ends, and now and then while it goes on. */
export function plainProgress(
  write: (line: string) => void,
  nowMs: () => number = () => performance.now(),
): Progress {
  return {
    step: (title) => {
      write(`… ${title}`);
      let toldAt = nowMs();
      return {
        update: (detail) => {
          if (nowMs() - toldAt < plainIntervalMs) return;
          toldAt = nowMs();
          write(`… ${lineText(title, detail)}`);
        },
        done: (detail = '') => write(`✓ ${lineText(title, detail)}`),
        fail: (detail) => write(`✗ ${lineText(title, detail)}`),
      };
    },
  };
}

function canRewrite(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb' && !process.env.CI;
}

/** Steps that go on are redrawn at the bottom; finished ones are written above them once and scroll away. */
function liveProgress(stream: NodeJS.WriteStream): Progress {
  const running: Line[] = [];
  let drawn = 0;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;

  const draw = (finished?: Line) => {
    const up = drawn > 0 ? `\x1b[${drawn}A` : '';
    const lines = [...(finished ? [finished] : []), ...running].map((line) =>
      render(line, frame, stream.columns),
    );
    stream.write(`\r${up}\x1b[J${lines.map((line) => `${line}\n`).join('')}`);
    drawn = running.length;
  };
  const end = (line: Line, state: 'done' | 'failed', detail: string) => {
    if (line.state !== 'running') return;
    line.state = state;
    line.detail = detail;
    running.splice(running.indexOf(line), 1);
    draw(line);
    if (running.length === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
  return {
    step: (title): ProgressStep => {
      const line: Line = { title, detail: '', state: 'running' };
      running.push(line);
      timer ??= setInterval(() => {
        frame += 1;
        draw();
      }, frameMs).unref();
      draw();
      return {
        update: (detail) => {
          line.detail = detail;
        },
        done: (detail = '') => end(line, 'done', detail),
        fail: (detail) => end(line, 'failed', detail),
      };
    },
  };
}

function render({ title, detail, state }: Line, frame: number, columns = 80): string {
  const mark = { running: frames[frame % frames.length] ?? '', done: '✓', failed: '✗' }[state];
  const colour = { running: 'cyan', done: 'green', failed: 'red' }[state] as 'cyan' | 'green' | 'red';
  // A line that wraps would be counted wrong when it is redrawn; a failure is never redrawn and may be long.
  const text = lineText(title, detail);
  const shown = state === 'failed' ? text : text.slice(0, Math.max(10, columns - 3));
  return `${styleText(colour, mark)} ${shown}`;
}

/** Messages may carry the last lines of a program's log; a step has one line. */
function lineText(title: string, detail: string): string {
  const firstLine = detail.split('\n', 1)[0] ?? '';
  return firstLine ? `${title}: ${firstLine}` : title;
}
