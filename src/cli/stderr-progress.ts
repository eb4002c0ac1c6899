import type { Progress } from '../base/index.ts';
import { plain } from './table.ts';

/** Steps as lines on stderr: on a terminal the running step is rewritten in place, elsewhere only its end is told. */
export function stderrProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const live = stream.isTTY === true;
  const clear = live ? '\r\x1b[K' : '';
  return {
    step: (title) => {
      if (live) stream.write(`${clear}  … ${title}`);
      let detail = '';
      const line = (mark: string, text: string) =>
        stream.write(`${clear}  ${mark} ${title}${text ? `: ${plain(text)}` : ''}\n`);
      return {
        update: (text) => {
          detail = text;
          if (live) stream.write(`${clear}  … ${title}: ${plain(text)}`);
        },
        done: (text) => line('✓', text ?? detail),
        // The error itself is printed once, at the end.
        fail: () => line('✗', ''),
      };
    },
  };
}
