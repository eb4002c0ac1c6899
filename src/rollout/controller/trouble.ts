import { HansaError } from '../../base/index.ts';

/** Why a rollout can't be carried out now: shown as the condition Valid, and looked at again after a while. */
export class Trouble extends HansaError {}

const usualMs = 30_000;

export function trouble(reason: string, message: string, afterMs = usualMs, cause?: unknown): Trouble {
  return new Trouble(message, { reason, retry: { afterMs }, ...(cause === undefined ? {} : { cause }) });
}
