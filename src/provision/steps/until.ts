import type { StepContext } from '../engine/executor.ts';

export interface Patience {
  readonly timeoutMs: number;
  /** Longest pause between two questions; the first come sooner. */
  readonly everyMs?: number;
}

const firstPauseMs = 250;

/** Asks until there is no complaint any more, and gives the last complaint when time is up. */
export async function untilNoComplaint(
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
  { timeoutMs, everyMs = 2000 }: Patience,
  ask: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const end = clock.monotonic() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(everyMs, pauseMs * 1.5)) {
    const complaint = await ask();
    if (complaint === undefined || clock.monotonic() >= end) return complaint;
    await clock.sleep(pauseMs, signal);
  }
}
