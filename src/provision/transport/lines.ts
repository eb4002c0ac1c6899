import { StringDecoder } from 'node:string_decoder';

/** Longer lines are not shown: cutting them could cut a secret in two halves that nobody recognizes. */
const longestLine = 64 * 1024;

/** Cuts a stream of bytes into lines, whatever the pieces it comes in. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';
  #skipped = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const pieces = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) this.#emit(piece);
    if (this.#rest.length > longestLine) {
      this.#skipped += this.#rest.length;
      this.#rest = '';
    }
  }

  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (last !== '' || this.#skipped > 0) this.#emit(last);
  }

  #emit(line: string): void {
    if (this.#skipped + line.length > longestLine) {
      this.#onLine(`(a line of ${this.#skipped + line.length} characters, not shown)`);
    } else {
      this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
    this.#skipped = 0;
  }
}
