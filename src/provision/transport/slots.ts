import { orAborted } from './failures.ts';

/** Places for channels of one connection, given out in the order they were asked for. */
export class Slots {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves with what gives the place back; calling it again does nothing. */
  async take(signal?: AbortSignal): Promise<() => void> {
    if (this.#taken >= this.#limit || this.#waiting.length > 0) {
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn.resolve);
      try {
        await orAborted(turn.promise, signal);
      } catch (error) {
        const place = this.#waiting.indexOf(turn.resolve);
        // Already called up: pass the turn on.
        if (place === -1) this.#giveBack();
        else this.#waiting.splice(place, 1);
        throw error;
      }
    } else {
      this.#taken += 1;
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#giveBack();
    };
  }

  /** The server refused one more than it lets us have: from now on never more than those that are open. */
  shrink(): void {
    this.#limit = Math.max(1, Math.min(this.#limit, this.#taken - 1));
  }

  #giveBack(): void {
    this.#taken -= 1;
    while (this.#taken < this.#limit) {
      const next = this.#waiting.shift();
      if (!next) return;
      // Taken on behalf of the one who waits, so that nobody comes in between.
      this.#taken += 1;
      next();
    }
  }
}
