import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError, messageOf } from '../base/index.ts';

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly limitMs: number;
  readonly pollMs?: number;
  /** For the message: `etcd and kube-apiserver of member m1 to be ready`. */
  readonly what: string;
}

/**
 * Asks again and again until the answer is yes. A question that throws counts as a no; its error ends up in the message.
 * @throws HansaError NotReady
 */
export async function waitUntil(
  isSo: () => Promise<boolean>,
  { signal, limitMs, pollMs = 50, what }: WaitOptions,
): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    let trouble: unknown;
    try {
      if (await isSo()) return;
    } catch (error) {
      trouble = error;
    }
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) {
      throw new HansaError(
        `waited ${Math.round(limitMs / 1000)} s for ${what}${trouble ? `: ${messageOf(trouble)}` : ''}`,
        { reason: 'NotReady', cause: trouble },
      );
    }
    await sleep(pollMs, undefined, { signal });
  }
}
