import { HansaError } from '../../base/index.ts';
import { type ApiClient, type CallOptions, systemClock } from '../../kube/index.ts';
import { changeRollout } from './change-rollout.ts';
import { readRollout, type RolloutRef } from './read-rollout.ts';
import type { RolloutObject } from './rollout-object.ts';
import { titleOf } from './verb.ts';

/** The controller looks within milliseconds, if it runs. */
const noticeLimitMs = 20_000;
const lookEveryMs = 200;

/**
 * Whether the word to go back has been overtaken: the source has changed since and is followed again, so that this word
 * will never mean anything more.
 */
export function isSpentUndo({ spec, status }: RolloutObject): boolean {
  const { undoTo } = spec.command ?? {};
  return undoTo !== undefined && status?.undo?.to === undoTo && status.undo.from === '';
}

/**
 * Takes a spent word away and waits until the controller has forgotten it. The same revision could not be asked for a
 * second time otherwise: the word would be the one that is known already.
 */
export async function clearSpentUndo(client: ApiClient, ref: RolloutRef, call: CallOptions): Promise<void> {
  const rollout = await readRollout(client, ref, call);
  if (!isSpentUndo(rollout)) return;
  await changeRollout(
    client,
    ref,
    (now) =>
      isSpentUndo(now)
        ? { kind: 'change', command: { undoTo: null }, told: '' }
        : { kind: 'already', told: '' },
    call,
  );
  const limit = systemClock.monotonic() + noticeLimitMs;
  while ((await readRollout(client, ref, call)).status?.undo !== undefined) {
    if (systemClock.monotonic() > limit) {
      throw new HansaError(
        `the controller takes no notice of ${titleOf(rollout)}: see that "hansa controller" runs, and say it again`,
        { reason: 'Timeout' },
      );
    }
    await systemClock.sleep(lookEveryMs, call.signal);
  }
}
