import { HansaError, isJsonObject } from '../../base/index.ts';
import type { ApiClient, KubeObject, ResourceType } from '../../kube/index.ts';

const builtIn = (
  group: string,
  version: string,
  names: Readonly<Record<string, string>>,
  namespaced = true,
): readonly ResourceType[] =>
  Object.entries(names).map(([kind, plural]) => ({ group, version, kind, plural, namespaced }));

/** Kinds of every cluster, so that the usual ones need no question. */
const known: ReadonlyMap<string, ResourceType> = new Map(
  [
    ...builtIn('', 'v1', {
      ConfigMap: 'configmaps',
      Secret: 'secrets',
      Service: 'services',
      ServiceAccount: 'serviceaccounts',
      PersistentVolumeClaim: 'persistentvolumeclaims',
      Pod: 'pods',
    }),
    ...builtIn('', 'v1', { Namespace: 'namespaces' }, false),
    ...builtIn('apps', 'v1', {
      Deployment: 'deployments',
      StatefulSet: 'statefulsets',
      DaemonSet: 'daemonsets',
      ReplicaSet: 'replicasets',
      ControllerRevision: 'controllerrevisions',
    }),
    ...builtIn('batch', 'v1', { Job: 'jobs', CronJob: 'cronjobs' }),
    ...builtIn(
      'apiextensions.k8s.io',
      'v1',
      { CustomResourceDefinition: 'customresourcedefinitions' },
      false,
    ),
  ].map((type) => [nameOf(type), type]),
);

/** What a group and version serves is asked again after this long; a new CRD is found sooner, as it is missing first. */
const freshMs = 60_000;

interface Served {
  readonly atMs: number;
  readonly types: ReadonlyMap<string, ResourceType>;
}

/** Tells where members serve the kinds of manifests; each member is asked for itself. */
export class Kinds {
  readonly #monotonic: () => number;
  readonly #served = new WeakMap<ApiClient, Map<string, Served>>();

  constructor({ monotonic }: { readonly monotonic: () => number }) {
    this.#monotonic = () => monotonic();
  }

  /** @throws HansaError KindNotServed */
  async find(
    client: ApiClient,
    { apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>,
    options: { readonly member: string; readonly signal: AbortSignal },
  ): Promise<ResourceType> {
    const type =
      known.get(`${apiVersion}/${kind}`) ?? (await this.#ask(client, apiVersion, kind, options.signal));
    if (type) return type;
    throw new HansaError(
      `${options.member} does not serve ${kind} of ${apiVersion}: install its CRD there, or add the CRD to the manifests`,
      { reason: 'KindNotServed', retry: { afterMs: 2_000 } },
    );
  }

  async #ask(
    client: ApiClient,
    apiVersion: string,
    kind: string,
    signal: AbortSignal,
  ): Promise<ResourceType | undefined> {
    const ofClient = this.#served.get(client) ?? new Map<string, Served>();
    this.#served.set(client, ofClient);
    const now = this.#monotonic();
    const before = ofClient.get(apiVersion);
    const found = before && now - before.atMs < freshMs ? before.types.get(kind) : undefined;
    if (found) return found;
    const types = await readTypes(client, apiVersion, signal);
    ofClient.set(apiVersion, { atMs: now, types });
    return types.get(kind);
  }
}

async function readTypes(
  client: ApiClient,
  apiVersion: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ResourceType>> {
  const [group, version] = apiVersion.includes('/')
    ? (apiVersion.split('/', 2) as [string, string])
    : ['', apiVersion];
  let text: string;
  try {
    text = await client.raw(group ? `/apis/${group}/${version}` : `/api/${version}`, { signal });
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'KindNotServed'].includes(error.reason)) return new Map();
    throw error;
  }
  const answer = JSON.parse(text) as { readonly resources?: unknown };
  const resources = Array.isArray(answer.resources) ? (answer.resources as readonly unknown[]) : [];
  return new Map(
    resources.flatMap((each): [string, ResourceType][] => {
      if (!isJsonObject(each)) return [];
      const { name, kind, namespaced } = each;
      // `deployments/scale` is a way to an object, not a kind of its own.
      if (typeof name !== 'string' || typeof kind !== 'string' || name.includes('/')) return [];
      return [[kind, { group, version, kind, plural: name, namespaced: namespaced === true }]];
    }),
  );
}

function nameOf({ group, version, kind }: ResourceType): string {
  return `${group ? `${group}/` : ''}${version}/${kind}`;
}
