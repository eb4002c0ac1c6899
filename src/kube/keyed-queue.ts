import type { Clock, Rng } from '../base/index.ts';
import { type KubeMetrics, noMetrics } from './metrics.ts';

export interface AddOptions {
  /** Keys of high priority go first; `low` is for the first list after a start, so that changes overtake it. */
  readonly priority?: 'high' | 'low';
  /** Not before this many milliseconds from now. An earlier time given before stays. */
  readonly afterMs?: number;
}

export interface QueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly metrics?: KubeMetrics;
  /** First and longest wait after a failure; doubles in between, with jitter. */
  readonly backoffMs?: { readonly first: number; readonly max: number };
}

/**
 * A queue of keys for level-based work.
 *
 * Guarantees: a key waits at most once; a key that is added while it runs runs once more afterwards, never twice at
 * the same time; the earliest time and the highest priority asked for win; memory is bound by the number of
 * distinct keys.
 * Assumes: whoever takes a key calls `done` for it exactly once.
 */
export class KeyedQueue<K extends string = string> {
  readonly #options: Required<Omit<QueueOptions, 'metrics'>> & { readonly metrics: KubeMetrics };
  /** Insertion order is the order of service; the value is when the key became ready, for the wait metric. */
  readonly #ready = { high: new Map<K, number>(), low: new Map<K, number>() };
  readonly #running = new Set<K>();
  /** Added while running: what to do when it is done. */
  readonly #again = new Map<K, AddOptions>();
  readonly #delayed = new Map<
    K,
    { readonly at: number; readonly priority: 'high' | 'low'; readonly cancel: () => void }
  >();
  readonly #failures = new Map<K, number>();
  readonly #waiters: ((key: K | undefined) => void)[] = [];
  #closed = false;

  constructor({ metrics = noMetrics, backoffMs = { first: 5, max: 1_000_000 }, ...options }: QueueOptions) {
    this.#options = { ...options, metrics, backoffMs };
  }

  /** Keys that are ready or wait for their time; not those running. */
  get depth(): number {
    return this.#ready.high.size + this.#ready.low.size + this.#delayed.size;
  }

  /** Keys ready to be taken now. */
  get readyCount(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  add(key: K, options: AddOptions = {}): void {
    if (this.#closed) return;
    const { priority = 'high', afterMs = 0 } = options;
    if (this.#running.has(key)) {
      this.#again.set(key, sooner(this.#again.get(key), { priority, afterMs }));
      return;
    }
    if (this.#ready.high.has(key)) return;
    if (this.#ready.low.has(key)) {
      if (priority === 'high' && afterMs <= 0) {
        this.#ready.low.delete(key);
        this.#makeReady(key, 'high');
      }
      return;
    }
    const waiting = this.#delayed.get(key);
    const at = this.#options.clock.monotonic() + afterMs;
    if (waiting && waiting.at <= at) return;
    waiting?.cancel();
    this.#delayed.delete(key);
    if (afterMs <= 0) this.#makeReady(key, priority);
    else this.#delay(key, afterMs, priority);
  }

  /** Forgets a key that waits; one that runs is not run again. */
  remove(key: K): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    this.#ready.high.delete(key);
    this.#ready.low.delete(key);
    this.#again.delete(key);
    this.#failures.delete(key);
  }

  /** The next key, as soon as there is one; undefined once the queue is closed. */
  next(): Promise<K | undefined> {
    const key = this.#take();
    if (key !== undefined || this.#closed) return Promise.resolve(key);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Ends a run: forgets the key's failures, or puts it back after its back-off or after `afterMs`. */
  done(
    key: K,
    outcome:
      | { readonly kind: 'ok' }
      | { readonly kind: 'failed'; readonly afterMs?: number }
      | { readonly kind: 'again'; readonly afterMs: number },
  ): void {
    this.#running.delete(key);
    const again = this.#again.get(key);
    this.#again.delete(key);
    switch (outcome.kind) {
      case 'ok':
        this.#failures.delete(key);
        break;
      case 'again':
        this.#failures.delete(key);
        this.add(key, { afterMs: outcome.afterMs });
        break;
      case 'failed':
        this.add(key, { afterMs: outcome.afterMs ?? this.#backoff(key) });
        break;
    }
    if (again) this.add(key, again);
  }

  failuresOf(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Wakes all who wait; keys still in the queue are dropped. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#ready.high.clear();
    this.#ready.low.clear();
    for (const resolve of this.#waiters.splice(0)) resolve(undefined);
  }

  #backoff(key: K): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { first, max } = this.#options.backoffMs;
    const full = Math.min(max, first * 2 ** Math.min(failures - 1, 30));
    // Half fixed, half random: keys that failed together don't come back together.
    return full / 2 + (full / 2) * this.#options.rng();
  }

  #delay(key: K, afterMs: number, priority: 'high' | 'low'): void {
    const cancel = this.#options.clock.after(afterMs, () => {
      this.#delayed.delete(key);
      this.#makeReady(key, priority);
    });
    this.#delayed.set(key, { at: this.#options.clock.monotonic() + afterMs, priority, cancel });
  }

  #makeReady(key: K, priority: 'high' | 'low'): void {
    this.#ready[priority].set(key, this.#options.clock.monotonic());
    this.#options.metrics.onQueueDepth({ queue: this.#options.name, depth: this.depth });
    const waiter = this.#waiters.shift();
    if (waiter) waiter(this.#take());
  }

  #take(): K | undefined {
    for (const lane of [this.#ready.high, this.#ready.low]) {
      const first = lane.entries().next();
      if (first.done) continue;
      const [key, since] = first.value;
      lane.delete(key);
      this.#running.add(key);
      const { metrics, name, clock } = this.#options;
      metrics.onQueueWait({ queue: name, waitedMs: clock.monotonic() - since });
      metrics.onQueueDepth({ queue: name, depth: this.depth });
      return key;
    }
    return undefined;
  }
}

function sooner(known: AddOptions | undefined, asked: Required<AddOptions>): AddOptions {
  if (!known) return asked;
  return {
    priority: known.priority === 'high' || asked.priority === 'high' ? 'high' : 'low',
    afterMs: Math.min(known.afterMs ?? 0, asked.afterMs),
  };
}
