import { HansaError } from '../base/index.ts';

const newline = 0x0a;
/** etcd refuses objects above 1.5 MiB by default; JSON of one can be some times that. */
const maxLineBytes = 16 * 1024 * 1024;

/** Cuts a byte stream at newlines; a last line without one is dropped, since a watch cut off in mid-event lost it. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  { onBytes }: { readonly onBytes?: () => void } = {},
): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    onBytes?.();
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const piece = chunk.subarray(start, end);
      const line = rest.length ? Buffer.concat([...rest, piece]) : piece;
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.length > 0) yield line.toString('utf8');
    }
    if (start < chunk.length) {
      rest.push(start === 0 ? chunk : chunk.subarray(start));
      restBytes += chunk.length - start;
      if (restBytes > maxLineBytes) {
        throw new HansaError(`a line of more than ${maxLineBytes} bytes`, { reason: 'AnswerTooLarge' });
      }
    }
  }
}
