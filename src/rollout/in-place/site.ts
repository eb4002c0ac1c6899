import { managedLabel } from '../../api/names.ts';
import { rolloutFieldManager, rolloutLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { contains, HansaError, hashOf, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { ApiClient, KubeObject, ManagedFieldsEntry, ObjectRef, ResourceType } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';
import { isOwn, ownObject } from '../plan/in-place/index.ts';
import type { Kinds } from './find-kind.ts';

/** What was last put in place, by uid: objects that a server writes in its own form can't be compared. */
const maxRemembered = 10_000;

/** An object of a revision as a member shall hold it, and as it is there. */
export interface Placed {
  readonly type: ResourceType;
  readonly ref: ObjectRef;
  readonly desired: KubeObject;
  readonly live: KubeObject | undefined;
}

/** Objects of a rollout in one member: reads and writes, each write a difference. */
export class Site {
  readonly client: ApiClient;
  readonly #call: ModeCall;
  readonly #kinds: Kinds;
  readonly #applied: Map<string, string>;

  constructor(call: ModeCall, kinds: Kinds, applied: Map<string, string>) {
    const { client } = call.member;
    if (!client) {
      throw new HansaError(`member ${call.member.name} can't be reached: mend its cluster object first`, {
        reason: 'Unreachable',
      });
    }
    this.client = client;
    this.#call = call;
    this.#kinds = kinds;
    this.#applied = applied;
  }

  get member(): string {
    return this.#call.member.name;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  find(object: Pick<KubeObject, 'apiVersion' | 'kind'>): Promise<ResourceType> {
    return this.#kinds.find(this.client, object, { member: this.member, signal: this.signal });
  }

  /** The objects as this rollout marks them, beside what is there. Kinds that are not served have nothing there. */
  async look(objects: readonly KubeObject[], revision: string): Promise<readonly (Placed | KubeObject)[]> {
    return inTurns(objects, async (object) => {
      try {
        return await this.place(object, revision);
      } catch (error) {
        if (error instanceof HansaError && error.reason === 'KindNotServed') return object;
        throw error;
      }
    });
  }

  async place(object: KubeObject, revision: string): Promise<Placed> {
    const type = await this.find(object);
    const { rollout } = this.#call;
    const desired = ownObject(object, {
      rollout: rollout.name,
      revision,
      namespace: type.namespaced ? rollout.namespace : undefined,
    });
    const { name, namespace } = desired.metadata;
    const ref = { name, namespace };
    return { type, ref, desired, live: await this.get(type, ref) };
  }

  async get(type: ResourceType, ref: ObjectRef): Promise<KubeObject | undefined> {
    try {
      return await this.client.get(type, ref, { signal: this.signal });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Server-side apply, unless nothing differs. */
  async put({ type, desired, live }: Placed): Promise<void> {
    if (live) this.#refuseForeign(live);
    const wanted = withoutForeignReplicas(desired, live);
    const hash = hashOf(wanted);
    const uid = live?.metadata.uid ?? '';
    if (live && (contains(live, wanted) || this.#applied.get(uid) === `${hash}.${ownFields(live)}`)) return;
    const answer = await this.client.apply(type, wanted, {
      fieldManager: rolloutFieldManager,
      force: true,
      signal: this.signal,
    });
    const written = answer.metadata.uid ?? '';
    this.#applied.delete(written);
    this.#applied.set(written, `${hash}.${ownFields(answer)}`);
    if (this.#applied.size > maxRemembered) {
      for (const oldest of this.#applied.keys()) {
        this.#applied.delete(oldest);
        break;
      }
    }
  }

  /** Deletes an object of this rollout; others' stay. */
  async remove({ type, ref, live }: Placed): Promise<void> {
    if (!live || !isOwn(live, this.#call.rollout.name) || live.metadata.deletionTimestamp) return;
    const { uid } = live.metadata;
    try {
      await this.client.remove(type, ref, {
        signal: this.signal,
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          propagationPolicy: 'Background',
          ...(uid ? { preconditions: { uid } } : {}),
        },
      });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  async patch(type: ResourceType, live: KubeObject, patch: JsonObject): Promise<void> {
    const { uid, name, namespace } = live.metadata;
    const metadata = isJsonObject(patch['metadata']) ? patch['metadata'] : {};
    await this.client.patch(
      type,
      { name, namespace },
      { ...patch, metadata: { ...metadata, ...(uid ? { uid } : {}) } },
      { type: 'merge', fieldManager: rolloutFieldManager, signal: this.signal },
    );
  }

  #refuseForeign(live: KubeObject): void {
    const { labels = {}, name } = live.metadata;
    const what = `${live.kind} ${name} in ${this.member}`;
    if (labels[managedLabel] === 'true') {
      throw new HansaError(
        `${what} is kept in line by a federated object: name that in spec.source.federatedRef, or give this one another name`,
        { reason: 'ClusterFailed', retry: 'never' },
      );
    }
    const owner = labels[rolloutLabel];
    if (owner !== undefined && !isOwn(live, this.#call.rollout.name)) {
      throw new HansaError(
        `${what} belongs to the rollout "${owner}": delete that one first, or give this object another name`,
        { reason: 'ClusterFailed', retry: 'never' },
      );
    }
  }
}

/** Requests at once in one member for one rollout. */
const requestsAtOnce = 8;

async function inTurns<T, R>(list: readonly T[], task: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < list.length; at += requestsAtOnce) {
    results.push(...(await Promise.all(list.slice(at, at + requestsAtOnce).map(task))));
  }
  return results;
}

export function isPlaced(each: Placed | KubeObject): each is Placed {
  return 'desired' in each;
}

export function isAbsent(error: unknown): boolean {
  return error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason);
}

/** A HorizontalPodAutoscaler, or a person with kubectl scale, has the word on replicas once they took it. */
function withoutForeignReplicas(desired: KubeObject, live: KubeObject | undefined): KubeObject {
  const spec = desired['spec'];
  if (!live || !isJsonObject(spec) || spec['replicas'] === undefined) return desired;
  const isForeign = live.metadata.managedFields?.some((entry) => !isOurs(entry) && ownsReplicas(entry));
  if (!isForeign) return desired;
  const { replicas: _, ...rest } = spec;
  return { ...desired, spec: rest };
}

function ownFields({ metadata }: KubeObject): string {
  return hashOf(metadata.managedFields?.find(isOurs)?.fieldsV1 ?? {});
}

function isOurs({ manager, operation, subresource }: ManagedFieldsEntry): boolean {
  return manager === rolloutFieldManager && operation === 'Apply' && !subresource;
}

function ownsReplicas({ fieldsV1 }: ManagedFieldsEntry): boolean {
  const spec = fieldsV1?.['f:spec'];
  return isJsonObject(spec) && 'f:replicas' in spec;
}
