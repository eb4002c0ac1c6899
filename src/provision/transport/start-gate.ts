import type { Writable } from 'node:stream';

export interface GateMarks {
  readonly startMark: string;
  /** Shown by sudo when it wants the password. */
  readonly prompt: string | undefined;
  readonly password: string | undefined;
}

/** Sudo did not start the command. `asked`: it wanted a password that we did not give, or did not take ours. */
export class NotStarted extends Error {
  readonly asked: 'never' | 'without-password' | 'again';
  /** What sudo said. */
  readonly said: string;
  readonly code: number;

  constructor(asked: NotStarted['asked'], said: string, code: number) {
    super('sudo did not start the command');
    this.asked = asked;
    this.said = said;
    this.code = code;
  }
}

const longestTalk = 64 * 1024;

/**
 * Stands between sudo and the command behind it, on their common stderr and stdin.
 * *Guarantees*: the password is written once, and only after sudo asked for it, so that it never lands in the input of the
 * command and a wrong one counts as one failed login. Input is written only after the command has started.
 */
export class StartGate {
  readonly #marks: GateMarks;
  readonly #started = Promise.withResolvers<void>();
  readonly #refused = Promise.withResolvers<never>();
  #stdin: Writable | undefined;
  #isOpen = false;
  #passwordSent = false;
  #unread = '';
  #said = '';

  constructor(marks: GateMarks) {
    this.#marks = marks;
    this.#refused.promise.catch(() => undefined);
  }

  /** Rejects with NotStarted when sudo won't start the command. */
  get refused(): Promise<never> {
    return this.#refused.promise;
  }

  /** Resolves when the command has started. */
  async open(stdin: Writable): Promise<void> {
    this.#stdin = stdin;
    this.#answer();
    await this.#started.promise;
  }

  /** Takes a piece of stderr, returns what of it is the command's. */
  push(chunk: Buffer): Buffer {
    if (this.#isOpen) return chunk;
    this.#unread = (this.#unread + chunk.toString('latin1')).slice(-longestTalk);
    const mark = `${this.#marks.startMark}\n`;
    const start = this.#unread.indexOf(mark);
    if (start === -1) {
      this.#answer();
      return Buffer.alloc(0);
    }
    this.#isOpen = true;
    this.#started.resolve();
    return Buffer.from(this.#unread.slice(start + mark.length), 'latin1');
  }

  /** The process has ended. @throws NotStarted */
  end(code: number): void {
    if (!this.#isOpen) throw new NotStarted('never', this.#talk(), code);
  }

  #answer(): void {
    const { prompt, password } = this.#marks;
    if (!prompt || !this.#stdin) return;
    const asked = this.#unread.indexOf(prompt);
    if (asked === -1) return;
    this.#said += this.#unread.slice(0, asked);
    this.#unread = this.#unread.slice(asked + prompt.length);
    if (password !== undefined && !this.#passwordSent) {
      this.#passwordSent = true;
      this.#stdin.write(`${password}\n`);
      this.#answer();
    } else {
      // At the end of its input sudo gives up instead of trying again.
      this.#stdin.end();
      this.#refused.reject(
        new NotStarted(password === undefined ? 'without-password' : 'again', this.#talk(), 1),
      );
    }
  }

  #talk(): string {
    return Buffer.from(this.#said + this.#unread, 'latin1')
      .toString('utf8')
      .trim();
  }
}
