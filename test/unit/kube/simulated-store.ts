import { HansaError } from '../../../src/base/index.ts';
import type { ApiClient, KubeObject, ObjectRef, ResourceType } from '../../../src/kube/index.ts';

export interface StoreCall {
  readonly verb: 'get' | 'create' | 'replace' | 'patch';
  readonly by: string;
  readonly name: string;
}

/** Runs around a call: throw before `next` for one that never arrived, after it for an answer that was lost. */
export type Fault = (call: StoreCall, next: () => Promise<KubeObject>) => Promise<KubeObject>;

/** Objects with the API server's laws for single writes: versions, conflicts, and names that exist once. */
export class SimulatedStore {
  readonly objects = new Map<string, KubeObject>();
  readonly calls: StoreCall[] = [];
  fault: Fault = (_, next) => next();
  #version = 0;

  get writes(): readonly StoreCall[] {
    return this.calls.filter(({ verb }) => verb !== 'get');
  }

  /** What `by` sees and does. */
  client(by: string): ApiClient {
    const call = <T>(verb: StoreCall['verb'], name: string, act: () => KubeObject): Promise<T> => {
      const about = { verb, by, name };
      this.calls.push(about);
      return this.fault(about, async () => structuredClone(act())) as Promise<unknown> as Promise<T>;
    };
    const refused = () => {
      throw new Error('not simulated');
    };
    return {
      server: 'https://simulated',
      get: (type, ref) => call('get', ref.name, () => this.#find(type, ref)),
      create: (type, object) => call('create', object.metadata.name, () => this.#create(type, object)),
      replace: (type, object) => call('replace', object.metadata.name, () => this.#replace(type, object)),
      patch: (type, ref, patch) =>
        call('patch', ref.name, () => this.#put(type, { ...this.#find(type, ref), ...(patch as object) })),
      list: refused,
      watch: refused,
      apply: refused,
      remove: refused,
      raw: refused,
      close: () => Promise.resolve(),
    };
  }

  #find(type: ResourceType, ref: ObjectRef): KubeObject {
    const object = this.objects.get(keyOf(type, ref));
    if (!object) throw new HansaError(`${type.plural} "${ref.name}" not found`, { reason: 'NotFound' });
    return object;
  }

  #create(type: ResourceType, object: KubeObject): KubeObject {
    if (this.objects.has(keyOf(type, object.metadata))) {
      throw new HansaError(`${type.plural} "${object.metadata.name}" already exists`, {
        reason: 'AlreadyExists',
      });
    }
    return this.#put(type, object);
  }

  #replace(type: ResourceType, object: KubeObject): KubeObject {
    const { resourceVersion } = this.#find(type, object.metadata).metadata;
    if (object.metadata.resourceVersion !== resourceVersion) {
      throw new HansaError(`${type.plural} "${object.metadata.name}" was modified`, { reason: 'Conflict' });
    }
    return this.#put(type, object);
  }

  #put(type: ResourceType, object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    };
    this.objects.set(keyOf(type, object.metadata), stored);
    return stored;
  }
}

function keyOf({ plural }: ResourceType, { namespace = '', name }: ObjectRef): string {
  return `${plural}/${namespace}/${name}`;
}
