import { toHub } from '../../api/convert/to-hub.ts';
import { addressOf, federatedGroups, federatedKinds } from '../../api/federated-kinds.ts';
import { federatedContent, revisionOf } from '../../api/rollout.hansa.dev/v1alpha1/pins.ts';
import { HansaError } from '../../base/index.ts';
import type { ApiClient, CallOptions } from '../../kube/index.ts';
import type { RolloutObject } from './rollout-object.ts';
import { isSpentUndo } from './spent-undo.ts';

/**
 * The revision that the federated object of a Rollout has by now. An edit of that object is no edit of the Rollout, so
 * its generation does not tell that a status is from before the edit; this does. Undefined where nobody can know here:
 * other sources, a revision to go back to, or an object that cannot be read.
 */
export async function expectedRevision(
  client: ApiClient,
  rollout: RolloutObject,
  call: CallOptions,
): Promise<string | undefined> {
  const { metadata, spec } = rollout;
  const { federatedRef } = spec.source;
  const isUndoing = spec.command?.undoTo !== undefined && !isSpentUndo(rollout);
  if (!federatedRef || isUndoing) return undefined;
  const row = federatedKinds.find(({ federatedKind }) => federatedKind === federatedRef.kind);
  if (!row) return undefined;
  const { apiVersion = '' } = federatedRef;
  const served = Object.values(federatedGroups).find(
    ({ group, version }) => apiVersion === `${group}/${version}`,
  );
  const address = addressOf(row, served ?? federatedGroups.current);
  try {
    const object = await client.get(
      address,
      { namespace: metadata.namespace, name: federatedRef.name },
      call,
    );
    const read = toHub(object);
    return read.ok ? revisionOf(federatedContent(read.hub)) : undefined;
  } catch (error) {
    if (error instanceof HansaError && error.reason !== 'Cancelled') return undefined;
    throw error;
  }
}
