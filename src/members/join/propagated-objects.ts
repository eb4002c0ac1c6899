import { federatedKinds } from '../../api/federated-kinds.ts';
import { managedLabel } from '../../api/names.ts';
import type { ApiClient, CallOptions, ObjectRef, ResourceType } from '../../kube/index.ts';
import { isReason } from './during.ts';

/** What becomes of the objects that Hansa put into a member which leaves. */
export type PropagatedChoice = 'keep' | 'unlabel' | 'delete';

export interface PropagatedObject {
  readonly type: ResourceType;
  readonly ref: ObjectRef;
  readonly uid: string;
}

/** Objects in the member that carry `kubefed.io/managed: "true"`; namespaces last, since they take others with them. */
export async function findPropagated(
  member: ApiClient,
  call: CallOptions,
): Promise<readonly PropagatedObject[]> {
  const types: readonly ResourceType[] = federatedKinds.map(({ target }) => target);
  const found: PropagatedObject[] = [];
  for (const type of [...types].sort((a, b) => Number(b.namespaced) - Number(a.namespaced))) {
    const options = { ...call, labelSelector: `${managedLabel}=true`, metadataOnly: true };
    for await (const { items } of member.list(type, options)) {
      for (const { metadata } of items) {
        const { name, namespace, uid = '' } = metadata;
        found.push({ type, uid, ref: { name, ...(namespace ? { namespace } : {}) } });
      }
    }
  }
  return found;
}

/** Enough to keep a member busy, few enough to leave it room for its own work. */
const parallel = 8;

/** Unlabels or deletes them; gives how many. What has gone meanwhile, or is another object by now, is left alone. */
export async function releasePropagated(
  member: ApiClient,
  objects: readonly PropagatedObject[],
  {
    choice,
    memberIsHost,
    onProgress,
    ...call
  }: CallOptions & {
    readonly choice: Exclude<PropagatedChoice, 'keep'>;
    readonly memberIsHost: boolean;
    readonly onProgress: (done: number) => void;
  },
): Promise<number> {
  let done = 0;
  const queue = objects.values();
  const work = async () => {
    for (const { type, ref, uid } of queue) {
      // The host's namespaces hold the federated objects themselves: there the label goes, never the namespace.
      const keep = memberIsHost && type.plural === 'namespaces';
      await (choice === 'delete' && !keep
        ? remove(member, type, ref, uid, call)
        : unlabel(member, type, ref, uid, call));
      done += 1;
      onProgress(done);
    }
  };
  // Namespaces come last in the list; the workers end the others before, but for the few under way.
  await Promise.all(Array.from({ length: parallel }, work));
  return done;
}

async function remove(
  member: ApiClient,
  type: ResourceType,
  ref: ObjectRef,
  uid: string,
  call: CallOptions,
): Promise<void> {
  try {
    await member.remove(type, ref, {
      ...call,
      body: { preconditions: { uid }, propagationPolicy: 'Background' },
    });
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
  }
}

async function unlabel(
  member: ApiClient,
  type: ResourceType,
  ref: ObjectRef,
  uid: string,
  call: CallOptions,
): Promise<void> {
  try {
    // The uid makes this fail on an object that took the name of the one we saw.
    const patch = { metadata: { uid, labels: { [managedLabel]: null } } };
    await member.patch(type, ref, patch, { ...call, type: 'merge', fieldManager: 'hansa-unjoin' });
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict') && !isReason(error, 'Invalid'))
      throw error;
  }
}
