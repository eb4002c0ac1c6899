import type { StepContext } from '../engine/executor.ts';

export interface Patience {
  readonly timeoutMs: number;
  readonly everyMs?: number;
}

/** Asks until there is no complaint any more, and gives the last complaint when time is up. */
export async function untilNoComplaint(
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
  { timeoutMs, everyMs = 2000 }: Patience,
  ask: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const complaint = await ask();
    if (complaint === undefined || clock.monotonic() >= end) return complaint;
    await clock.sleep(everyMs, signal);
  }
}
