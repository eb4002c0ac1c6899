import {
  revisionLabel,
  rolloutFieldManager,
  rolloutLabel,
} from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import type { KubeObject, ResourceType } from '../../kube/index.ts';
import {
  type Capacity,
  contentAnnotation,
  capacityAnnotation,
  type RenderedRevision,
  type RenderedWorkload,
  wholeOf,
  withCapacity,
  withReplicas,
} from '../plan/side-by-side/index.ts';
import { withinBounds } from './autoscalers.ts';
import type { LiveWorkload, Look } from './look.ts';
import { ensureObject, listOwn, orAbsent, removeObject, revisionOfObject } from './member-calls.ts';
import { configTypes, kinds, typeOf, workloadTypes } from './resource-types.ts';
import type { Site } from './site.ts';

/** Made where it is missing, and never taken away: others may have moved in. */
export async function ensureNamespace({ client, namespace, label, signal }: Site): Promise<void> {
  if (await orAbsent(client.get(kinds.namespace, { name: namespace }, { signal }))) return;
  await client.apply(
    kinds.namespace,
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { [rolloutLabel]: label } },
    },
    { fieldManager: rolloutFieldManager, signal },
  );
}

/** Makes objects as they are wanted, in their order; with one list a kind, since this is done at every look. */
export async function ensureObjects(site: Site, objects: readonly KubeObject[]): Promise<void> {
  const lives = new Map<string, ReadonlyMap<string, KubeObject>>();
  for (const object of objects) {
    // The one Namespace is there already, and what its manifest says of it is not a rollout's business.
    if (object.kind === 'Namespace') continue;
    const type = await typeOf(site, object);
    const key = `${object.apiVersion} ${object.kind}`;
    const live = lives.get(key) ?? byName(await listOwn(site, type));
    lives.set(key, live);
    await ensureObject(site, type, object, live.get(object.metadata.name));
  }
}

/** Before the first write: every kind is served, and belongs to a namespace. */
export async function checkKinds(site: Site, { shared }: RenderedRevision): Promise<void> {
  for (const object of shared) await typeOf(site, object);
}

export interface EnsureOptions {
  readonly look: Look;
  /** Of this revision. */
  readonly live: readonly LiveWorkload[];
  /** Share of a revision of which nothing is there. */
  readonly percent: number;
}

/** Workloads as they are wanted, each with the share that was last ordered. */
export async function ensureWorkloads(
  site: Site,
  rendered: RenderedRevision,
  { look, live, percent }: EnsureOptions,
): Promise<void> {
  const ordered = orderedPercent(rendered, live) ?? percent;
  for (const workload of rendered.workloads) {
    const own = live.find(({ seen }) => seen.kind === workload.kind && seen.name === workload.name);
    const total = own ? wholeOf(own.seen) : wholeAtFirst(workload, look);
    const capacity: Capacity = { percent: ordered, total };
    const wanted = own?.seen.isScaled
      ? withReplicas(workload.object, own.seen.replicas, capacity)
      : withCapacity(workload.object, capacity);
    await ensureObject(site, workloadTypes[workload.kind], wanted, own?.object);
  }
}

/** What was last ordered of a revision: as its first workload says, or the most that another says where that is gone. */
function orderedPercent(
  { workloads: [leader] }: RenderedRevision,
  live: readonly LiveWorkload[],
): number | undefined {
  const first = live.find(({ seen }) => seen.kind === leader?.kind && seen.name === leader.name);
  if (first) return first.seen.capacity?.percent ?? 100;
  const others = live.map(({ seen }) => seen.capacity?.percent ?? 100);
  return others.length > 0 ? Math.max(...others) : undefined;
}

/** Where an autoscaler decided for the old revision, the new one starts from what it had decided. */
function wholeAtFirst(workload: RenderedWorkload, { incumbentWorkloads }: Look): number {
  if (!workload.autoscaler) return workload.replicas;
  const old = incumbentWorkloads.find(
    ({ seen }) => seen.kind === workload.kind && seen.name === workload.name,
  );
  return withinBounds(workload.autoscaler, old ? wholeOf(old.seen) : workload.replicas);
}

/** Kinds of whose objects some may be ours; of those that a member does not serve there are none. */
export async function kindsOf(
  site: Site,
  revisions: readonly (RenderedRevision | undefined)[],
): Promise<readonly ResourceType[]> {
  const types = new Map<string, ResourceType>(configTypes.map((type) => [type.plural, type]));
  for (const object of revisions.flatMap((revision) => revision?.shared ?? [])) {
    if (object.kind === 'Namespace') continue;
    const type = await servedType(site, object);
    if (!type) continue;
    types.set(type.group === '' ? type.plural : `${type.plural}.${type.group}`, type);
  }
  return [...types.values()];
}

async function servedType(site: Site, object: KubeObject): Promise<ResourceType | undefined> {
  try {
    return await typeOf(site, object);
  } catch (error) {
    if (error instanceof HansaError && ['KindNotServed', 'InvalidSpec'].includes(error.reason))
      return undefined;
    throw error;
  }
}

/**
 * Removes what is ours and of no kept revision. Claims on volumes stay, since their data would go with them.
 */
export async function pruneObjects(
  site: Site,
  revisions: readonly (RenderedRevision | undefined)[],
  kept: { readonly revision: string | undefined; readonly shared: readonly KubeObject[] | undefined },
): Promise<void> {
  for (const autoscaler of await listOwn(site, kinds.autoscaler)) {
    if (revisionOfObject(autoscaler) !== kept.revision)
      await removeObject(site, kinds.autoscaler, autoscaler);
  }
  for (const type of await kindsOf(site, revisions)) {
    if (type.kind === 'PersistentVolumeClaim') continue;
    for (const object of await listOwn(site, type, { metadataOnly: true })) {
      const revision = revisionOfObject(object);
      const isKept =
        revision === undefined
          ? kept.shared === undefined ||
            kept.shared.some(
              ({ kind, metadata }) => kind === type.kind && metadata.name === object.metadata.name,
            )
          : revision === kept.revision;
      if (!isKept) await removeObject(site, type, object);
    }
  }
}

/** Takes our words off an object; it stays. */
export async function disown(
  { client, namespace, signal }: Site,
  type: ResourceType,
  { metadata: { name } }: KubeObject,
): Promise<void> {
  await orAbsent(
    client.patch(
      type,
      { namespace, name },
      {
        metadata: {
          labels: { [rolloutLabel]: null, [revisionLabel]: null },
          annotations: { [contentAnnotation]: null, [capacityAnnotation]: null },
        },
      },
      { type: 'merge', fieldManager: rolloutFieldManager, signal },
    ),
  );
}

function byName(objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}
