import type { Clock } from '../base/index.ts';

/** Time that stands still until a test moves it. */
export interface SimulatedClock extends Clock {
  /** Moves time on; timers that fall due run in their order, those they start included. Promises settle afterwards. */
  advance(ms: number): void;
  /** Moves time on from timer to timer, and lets promises settle at each, as they would in real time. */
  pass(ms: number): Promise<void>;
  /** Timers that wait; 0 says that nothing will happen by itself any more. */
  readonly waiting: number;
}

interface Timer {
  readonly atMs: number;
  readonly task: () => void;
}

/** A clock for tests that starts at `startMs` since the epoch. */
export function createSimulatedClock({ startMs = Date.UTC(2026, 0, 1) } = {}): SimulatedClock {
  let elapsedMs = 0;
  const timers = new Set<Timer>();

  function after(ms: number, task: () => void): () => void {
    const timer: Timer = { atMs: elapsedMs + Math.max(ms, 0), task };
    timers.add(timer);
    return () => timers.delete(timer);
  }

  function nextUntil(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    // A Set keeps the order of creation, so of two timers for the same moment the older one runs first.
    for (const timer of timers) if (timer.atMs <= endMs && (!next || timer.atMs < next.atMs)) next = timer;
    return next;
  }

  function run(timer: Timer): void {
    timers.delete(timer);
    elapsedMs = Math.max(elapsedMs, timer.atMs);
    timer.task();
  }

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const wake = () => {
          cancel();
          reject(signal?.reason as Error);
        };
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', wake);
          resolve();
        });
        signal?.addEventListener('abort', wake, { once: true });
      }),
    advance: (ms) => {
      const endMs = elapsedMs + ms;
      for (let timer = nextUntil(endMs); timer; timer = nextUntil(endMs)) run(timer);
      elapsedMs = endMs;
    },
    pass: async (ms) => {
      const endMs = elapsedMs + ms;
      await settle();
      for (let timer = nextUntil(endMs); timer; timer = nextUntil(endMs)) {
        run(timer);
        await settle();
      }
      elapsedMs = endMs;
      await settle();
    },
    get waiting() {
      return timers.size;
    },
  };
}

/** A turn of the event loop runs every promise that can go on without time. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
