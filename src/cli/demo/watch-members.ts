import { managedLabel } from '../../api/names.ts';
import { type Clock, type Rng, silentLogger } from '../../base/index.ts';
import { type ApiClient, Cache, type Cached, type KubeObject, type ResourceType } from '../../kube/index.ts';
import { type MembersView, type MemberView, objectKey, type PodCount } from './demo-rows.ts';

const core = (kind: string, plural: string): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});
const podType = core('Pod', 'pods');
const objectTypes = [
  core('ConfigMap', 'configmaps'),
  core('Secret', 'secrets'),
  core('Service', 'services'),
] as const;

interface SeenPod extends Cached {
  readonly workload: string;
  readonly ready: boolean;
}
interface SeenObject extends Cached {
  readonly key: string;
}

export interface MemberWatch extends AsyncDisposable {
  /** What the members hold now. A member whose watches don't run is left out: old numbers prove nothing. */
  view(): MembersView;
}

/**
 * Follows pods and propagated objects in the members themselves, with the administrator's rights there. Neither Hansa
 * nor the host is asked, so that the demo proves more than that Hansa believes itself.
 */
export function watchMembers(
  members: readonly { readonly name: string; readonly client: ApiClient }[],
  { clock, rng }: { readonly clock: Clock; readonly rng: Rng },
): MemberWatch {
  const ending = new AbortController();
  const deps = { clock, rng, logger: silentLogger, backoffMs: { first: 200, max: 1_000 } };
  const watched = members.map(({ name, client }) => ({
    name,
    pods: new Cache<SeenPod>({ ...deps, name: `${name} pods`, client, type: podType, project: seenPod }),
    objects: objectTypes.map(
      (type) =>
        new Cache<SeenObject>({
          ...deps,
          name: `${name} ${type.plural}`,
          client,
          type,
          labelSelector: `${managedLabel}=true`,
          metadataOnly: true,
          project: ({ metadata }) =>
            metadata.deletionTimestamp
              ? undefined
              : { resourceVersion: metadata.resourceVersion ?? '', key: objectKey(type.kind, metadata) },
        }),
    ),
  }));
  const work = Promise.all(
    watched.flatMap(({ pods, objects }) => [pods, ...objects].map((cache) => cache.run(ending.signal))),
  );
  return {
    view: () =>
      new Map(
        watched
          .filter(({ pods, objects }) => [pods, ...objects].every(({ state }) => state.kind === 'live'))
          .map(({ name, pods, objects }): [string, MemberView] => [
            name,
            {
              pods: countPods(pods.values()),
              objects: new Set(objects.flatMap((cache) => [...cache.values()].map(({ key }) => key))),
            },
          ]),
      ),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await work;
    },
  };
}

/** Leaves out what belongs to no Deployment and what is being deleted: Kubernetes counts those no more. */
function seenPod(pod: KubeObject): SeenPod | undefined {
  const { metadata } = pod;
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'ReplicaSet');
  if (!owner || metadata.deletionTimestamp) return undefined;
  const { conditions } = (pod['status'] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return {
    resourceVersion: metadata.resourceVersion ?? '',
    // A ReplicaSet is called after its Deployment, with a hash of the pod template behind a dash.
    workload: objectKey('Deployment', { ...metadata, name: owner.name.replace(/-[^-]+$/, '') }),
    ready: conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
  };
}

function countPods(pods: Iterable<SeenPod>): ReadonlyMap<string, PodCount> {
  const counts = new Map<string, PodCount>();
  for (const { workload, ready } of pods) {
    const before = counts.get(workload) ?? { ready: 0, all: 0 };
    counts.set(workload, { ready: before.ready + (ready ? 1 : 0), all: before.all + 1 });
  }
  return counts;
}
