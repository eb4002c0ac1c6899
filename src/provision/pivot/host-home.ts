import { etcdBackupAddress } from '../../api/provision.hansa.dev/v1alpha1/etcd-backup.ts';
import { kubeClusterAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-cluster.ts';
import { kubeMachineAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-machine.ts';
import { kubeOperationAddress } from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import { clusterLabel, movedToAnnotation } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError, type JsonObject } from '../../base/index.ts';
import {
  type CallOptions,
  type KubeObject,
  namespaceType,
  type ResourceType,
  secretType,
} from '../../kube/index.ts';
import { readClusters } from '../read/index.ts';
import {
  crClusterStore,
  type CrClusterStore,
  type CrClusterStoreOptions,
  type WholeCluster,
} from '../store/index.ts';
import { type Operation, putJournal, waitingIn } from './host-journal.ts';
import type { HomeSight } from './marks.ts';
import { caOf, type MovedKind, nameOf, operationsOf, portable, portableObject, same } from './portable.ts';

export type HostHomeOptions = CrClusterStoreOptions & { readonly signal: AbortSignal };

const addresses: Readonly<Record<MovedKind, ResourceType>> = {
  KubeCluster: kubeClusterAddress,
  KubeMachine: kubeMachineAddress,
  EtcdBackup: etcdBackupAddress,
};

const fieldManager = 'hansa-pivot';

type StoredSecret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/**
 * One cluster as it is kept on a host.
 *
 * *Guarantees*: what is written by `copy` is written under a KubeCluster that is marked as kept elsewhere, from its first
 * moment on; an active one is never written to but to mark it.
 */
export class HostHome {
  readonly #options: HostHomeOptions;
  readonly #call: CallOptions;
  readonly store: CrClusterStore;

  constructor(options: HostHomeOptions) {
    this.#options = options;
    this.#call = { signal: options.signal };
    this.store = crClusterStore(options);
  }

  get place(): string {
    const { client, key } = this.#options;
    return `KubeCluster ${key.namespace}/${key.name} on ${client.server}`;
  }

  /** @throws HansaError CrdsMissing, Deleting */
  async sight(): Promise<HomeSight> {
    const { client, key } = this.#options;
    const cluster = await this.#cluster();
    if (!cluster) return { kind: 'absent' };
    if (cluster.metadata.deletionTimestamp) {
      throw new HansaError(
        `KubeCluster ${key.namespace}/${key.name} on ${client.server} is being deleted: a cluster on its way out is not moved`,
        { reason: 'Deleting', retry: 'never' },
      );
    }
    const movedTo = cluster.metadata.annotations?.[movedToAnnotation];
    const name = `${key.name}-ca`;
    const ca = caOf({ name: key.name, secrets: { [name]: await this.#secret(name) } });
    return movedTo === undefined ? { kind: 'active', ca } : { kind: 'marked', movedTo, ca };
  }

  /** All of it, secrets in the clear. `secretNames`: to be looked for beside those that the cluster names itself. */
  async read(secretNames: readonly string[] = []): Promise<WholeCluster> {
    const { key } = this.#options;
    const cluster = await this.#cluster();
    if (!cluster) {
      throw new HansaError(`the host has no KubeCluster ${key.namespace}/${key.name}`, {
        reason: 'NotFound',
        retry: 'never',
      });
    }
    const objects = [
      cluster,
      ...(await this.#listOf('KubeMachine')),
      ...(await this.#listOf('EtcdBackup')),
    ] as unknown as readonly JsonObject[];
    const names = new Set([...(await this.#labelledSecrets()), ...neededSecrets(objects), ...secretNames]);
    const secrets: Record<string, Readonly<Record<string, string>>> = {};
    for (const name of names) {
      const values = await this.store.secrets.get(name);
      if (values) secrets[name] = values;
    }
    return portable({ ...key, objects, journal: await this.store.journal(), secrets });
  }

  /** Names of the KubeOperations that people asked for and that have not come to their end. */
  async waitingOperations(): Promise<readonly string[]> {
    return waitingIn(await this.#operations());
  }

  /** Names of machines that are on their way out. */
  async leavingMachines(): Promise<readonly string[]> {
    return (await this.#listOf('KubeMachine'))
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name);
  }

  async ensureNamespace(): Promise<void> {
    const { client, key } = this.#options;
    if (await unlessAbsent(client.get(namespaceType, { name: key.namespace }, this.#call))) return;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: key.namespace } };
    try {
      await client.create(namespaceType, namespace, { ...this.#call, fieldManager });
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'AlreadyExists') throw error;
    }
  }

  /**
   * Brings the copy on the host to what this is, marked as kept elsewhere. Nothing that is so already is written.
   * @throws HansaError SecretTaken, Invalid
   */
  async copy(given: WholeCluster, mark: string): Promise<void> {
    const cluster = portable(given);
    await this.#checkSecrets(cluster);
    for (const object of cluster.objects) await this.#put(object, mark);
    for (const [name, values] of Object.entries(cluster.secrets)) {
      if (!same((await this.#secret(name)) ?? null, values)) await this.store.secrets.put(name, values);
    }
    const { client, key, signal } = this.#options;
    const remove = (operation: Operation) => this.#remove(kubeOperationAddress, operation);
    const place = { client, key, signal, found: await this.#operations(), remove };
    await putJournal(place, operationsOf(cluster.journal));
    await this.#removeSurplus(cluster);
  }

  /** From now on nobody works on it here. Fails if it was changed since it was looked at last. */
  async mark(mark: string): Promise<void> {
    const { client, key } = this.#options;
    const cluster = await this.#cluster();
    await client.patch(
      kubeClusterAddress,
      key,
      {
        metadata: {
          resourceVersion: cluster?.metadata.resourceVersion ?? '',
          annotations: { [movedToAnnotation]: mark },
        },
      },
      { ...this.#call, type: 'merge', fieldManager },
    );
  }

  /** From now on it is worked on here. */
  async unmark(): Promise<void> {
    const { client, key } = this.#options;
    await client.patch(
      kubeClusterAddress,
      key,
      { metadata: { annotations: { [movedToAnnotation]: null } } },
      { ...this.#call, type: 'merge', fieldManager },
    );
  }

  async #cluster(): Promise<KubeObject | undefined> {
    const { client, key } = this.#options;
    try {
      return await unlessAbsent(client.get(kubeClusterAddress, key, this.#call));
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'KindNotServed') throw error;
      throw new HansaError(
        `the host ${client.server} does not serve KubeClusters: run "hansa install" there, or apply the files in crds/`,
        { reason: 'CrdsMissing', retry: 'never', cause: error },
      );
    }
  }

  async #put(object: JsonObject, mark: string): Promise<void> {
    const { client, key } = this.#options;
    const type = addresses[object['kind'] as MovedKind];
    const isCluster = object['kind'] === 'KubeCluster';
    const metadata = object['metadata'] as JsonObject;
    const annotations = {
      ...(metadata['annotations'] as JsonObject | undefined),
      ...(isCluster ? { [movedToAnnotation]: mark } : {}),
    };
    const wanted = { ...object, metadata: { ...metadata, annotations } } as unknown as KubeObject;
    const found = await unlessAbsent(
      client.get(type, { namespace: key.namespace, name: nameOf(object) }, this.#call),
    );
    if (!found) {
      await client.create(type, wanted, { ...this.#call, fieldManager });
      return;
    }
    if (isCluster && found.metadata.annotations?.[movedToAnnotation] === undefined) {
      throw new HansaError(
        `KubeCluster ${key.namespace}/${key.name} on the host was made, or came into use, while it was moved there: look who works on it`,
        { reason: 'KeptTwice', retry: 'never' },
      );
    }
    const isSame = same(portableObject(found as unknown as JsonObject, key.namespace), object);
    const isGoing = found.metadata.deletionTimestamp !== undefined;
    if (isSame && !isGoing && (!isCluster || found.metadata.annotations?.[movedToAnnotation] === mark))
      return;
    const { resourceVersion = '', uid = '', finalizers } = found.metadata;
    if (isGoing) {
      await this.#remove(type, found);
      await client.create(type, wanted, { ...this.#call, fieldManager });
      return;
    }
    try {
      await client.replace(
        type,
        {
          ...wanted,
          metadata: { ...wanted.metadata, resourceVersion, uid, ...(finalizers ? { finalizers } : {}) },
        },
        { ...this.#call, fieldManager },
      );
    } catch (error) {
      if (!(error instanceof HansaError) || error.reason !== 'Invalid') throw error;
      // A field that can't be changed was another in an earlier life of this copy.
      await this.#remove(type, found);
      await client.create(type, wanted, { ...this.#call, fieldManager });
    }
  }

  /** The copy is nobody's to let go of: its finalizer would wait for work that must not be done. */
  async #remove(type: ResourceType, { metadata }: KubeObject): Promise<void> {
    const { client } = this.#options;
    const ref = { namespace: metadata.namespace, name: metadata.name };
    if (metadata.finalizers?.length) {
      await client.patch(
        type,
        ref,
        { metadata: { finalizers: null } },
        { ...this.#call, type: 'merge', fieldManager },
      );
    }
    const body = { preconditions: { uid: metadata.uid ?? '' } };
    await unlessAbsent(client.remove(type, ref, { ...this.#call, body }));
  }

  /** Two clusters of a namespace may name the same Secret; here there is only one of each name. */
  async #checkSecrets({ name: cluster, secrets }: WholeCluster): Promise<void> {
    const { client, key } = this.#options;
    for (const [name, values] of Object.entries(secrets)) {
      const ref = { namespace: key.namespace, name };
      const found = await unlessAbsent(client.get<StoredSecret>(secretType, ref, this.#call));
      if (!found || found.metadata.labels?.[clusterLabel] === cluster || same(decoded(found), values))
        continue;
      throw new HansaError(
        `the host has a Secret ${key.namespace}/${name} with other content, which is not of cluster ${cluster}: call one of the two otherwise, or delete that on the host if nobody needs it`,
        { reason: 'SecretTaken', retry: 'never' },
      );
    }
  }

  /** What an earlier life of this copy had, and the cluster has no more. */
  async #removeSurplus({ objects, secrets }: WholeCluster): Promise<void> {
    const { client, key } = this.#options;
    for (const kind of ['KubeMachine', 'EtcdBackup'] as const) {
      const wanted = objects.filter((object) => object['kind'] === kind).map(nameOf);
      for (const found of await this.#listOf(kind)) {
        if (!wanted.includes(found.metadata.name)) await this.#remove(addresses[kind], found);
      }
    }
    for (const name of await this.#labelledSecrets()) {
      if (name in secrets) continue;
      await unlessAbsent(client.remove(secretType, { namespace: key.namespace, name }, this.#call));
    }
  }

  async #listOf(kind: 'KubeMachine' | 'EtcdBackup'): Promise<readonly KubeObject[]> {
    return this.#ofCluster(addresses[kind]);
  }

  async #operations(): Promise<readonly Operation[]> {
    return (await this.#ofCluster(kubeOperationAddress)) as readonly Operation[];
  }

  async #ofCluster(type: ResourceType): Promise<readonly KubeObject[]> {
    const { client, key } = this.#options;
    const found: KubeObject[] = [];
    for await (const { items } of client.list(type, { ...this.#call, namespace: key.namespace })) {
      const own = items.filter(
        ({ spec }) => (spec as { clusterName?: string } | undefined)?.clusterName === key.name,
      );
      // Items of a list carry no kind of their own.
      found.push(...own.map((item) => ({ ...item, kind: type.kind })));
    }
    return found;
  }

  async #secret(name: string): Promise<Readonly<Record<string, string>>> {
    return (await unlessAbsent(this.store.secrets.get(name))) ?? {};
  }

  async #labelledSecrets(): Promise<readonly string[]> {
    const { client, key } = this.#options;
    const labelSelector = `${clusterLabel}=${key.name}`;
    const names: string[] = [];
    const options = { ...this.#call, namespace: key.namespace, labelSelector, metadataOnly: true };
    for await (const { items } of client.list(secretType, options)) {
      names.push(...items.map(({ metadata }) => metadata.name));
    }
    return names;
  }
}

/** Credentials and the like, which people made and did not label. */
function neededSecrets(objects: readonly JsonObject[]): readonly string[] {
  return readClusters(objects).flatMap(({ needs }) => needs.map(({ name }) => name));
}

function decoded({ data = {} }: StoredSecret): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HansaError && (error.reason === 'NotFound' || error.reason === 'NamespaceNotFound'))
      return undefined;
    throw error;
  }
}
