import { clusterLabel } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import { type ApiClient, type KubeObject, secretType } from '../../kube/index.ts';
import type { SecretStore } from '../engine/executor.ts';
import type { ClusterKey } from './state-content.ts';

export interface CrSecretStoreOptions {
  readonly client: ApiClient;
  readonly key: ClusterKey;
  /** @throws HansaError LockLost */
  readonly assertHeld: () => void;
}

/** Keys and kubeconfig of a cluster: named and typed as Cluster API has them, so that its tools find them. */
export function ownSecrets(cluster: string): readonly string[] {
  return ['ca', 'etcd', 'proxy', 'sa', 'kubeconfig'].map((suffix) => `${cluster}-${suffix}`);
}

const clusterApiType = 'cluster.x-k8s.io/secret';
const clusterApiLabel = 'cluster.x-k8s.io/cluster-name';

const fieldManager = 'hansa-provision';

/** Secrets of a cluster as Secrets in its namespace, by their full name. */
export function crSecretStore({ client, key, assertHeld }: CrSecretStoreOptions): SecretStore {
  const refTo = (name: string) => ({ namespace: key.namespace, name });
  return {
    get: async (name) => {
      try {
        const { data } = await client.get<KubeObject & { data?: Readonly<Record<string, string>> }>(
          secretType,
          refTo(name),
        );
        return Object.fromEntries(
          Object.entries(data ?? {}).map(([field, value]) => [
            field,
            Buffer.from(value, 'base64').toString('utf8'),
          ]),
        );
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    put: async (name, values) => {
      assertHeld();
      const isOurs = ownSecrets(key.name).includes(name);
      await client.apply(
        secretType,
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name,
            namespace: key.namespace,
            labels: { [clusterLabel]: key.name, ...(isOurs ? { [clusterApiLabel]: key.name } : {}) },
          },
          // Others keep the type that they have: it can't be changed.
          ...(isOurs ? { type: clusterApiType } : {}),
          data: Object.fromEntries(
            Object.entries(values).map(([field, value]) => [field, Buffer.from(value).toString('base64')]),
          ),
        },
        { fieldManager, force: true },
      );
    },
    remove: async (name) => {
      assertHeld();
      try {
        await client.remove(secretType, refTo(name));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof HansaError && error.reason === 'NotFound';
}
