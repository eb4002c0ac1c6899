import type { Clock } from '../base/index.ts';

/** Node fires a longer timer at once, so a long wait is made of several. */
const longestTimerMs = 2 ** 31 - 1;

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: runAfter,
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
      const cancel = runAfter(ms, () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      });
      signal?.addEventListener('abort', wake, { once: true });
    }),
};

function runAfter(ms: number, task: () => void): () => void {
  const endMs = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number) => {
    timer = setTimeout(
      () => {
        if (leftMs > longestTimerMs) wait(endMs - performance.now());
        else task();
      },
      Math.min(Math.max(leftMs, 0), longestTimerMs),
    );
  };
  wait(ms);
  return () => clearTimeout(timer);
}
