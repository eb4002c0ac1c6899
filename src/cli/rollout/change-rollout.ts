import { rolloutAddress } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient, CallOptions } from '../../kube/index.ts';
import { readRollout, type RolloutRef } from './read-rollout.ts';
import type { Said, Verb } from './verb.ts';

/** Each try reads anew; more than this means that something writes without end. */
const maxTries = 8;

export const cliFieldManager = 'hansa-cli';

/**
 * Says a verb to a Rollout. The patch carries the version that was decided on, so that two people's words never mix:
 * the slower one decides again on what the faster one left.
 * @throws HansaError NothingToDo where the verb is refused, Conflict after many tries
 */
export async function changeRollout(
  client: ApiClient,
  ref: RolloutRef,
  verb: Verb,
  call: CallOptions,
): Promise<Exclude<Said, { kind: 'refused' }>> {
  for (let tries = 1; ; tries++) {
    const rollout = await readRollout(client, ref, call);
    const said = verb(rollout);
    if (said.kind === 'refused')
      throw new HansaError(said.because, { reason: 'NothingToDo', retry: 'never' });
    if (said.kind === 'already') return said;
    const { command, annotations } = said;
    const { resourceVersion } = rollout.metadata;
    const patch = {
      metadata: { resourceVersion, ...(annotations ? { annotations } : {}) },
      spec: { command },
    };
    try {
      await client.patch(rolloutAddress, ref, patch, {
        ...call,
        type: 'merge',
        fieldManager: cliFieldManager,
      });
      return said;
    } catch (error) {
      const isConflict = error instanceof HansaError && error.reason === 'Conflict';
      if (!isConflict || tries >= maxTries) throw error;
    }
  }
}
