import {
  revisionLabel,
  rolloutFieldManager,
  rolloutLabel,
} from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, type Json, stableJson } from '../../base/index.ts';
import type { KubeObject, ListOptions, ResourceType } from '../../kube/index.ts';
import { isCovered } from '../plan/is-covered.ts';
import { keepSteering } from '../plan/traffic/index.ts';
import type { Site } from './site.ts';

/** Undefined for what is not there. */
export async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason)) {
      return undefined;
    }
    throw error;
  }
}

/** The objects of one kind that are this rollout's. Those that other objects made, and gave our labels, are not. */
export async function listOwn(
  { client, namespace, label, signal }: Site,
  type: ResourceType,
  options: ListOptions = {},
): Promise<readonly KubeObject[]> {
  const items: KubeObject[] = [];
  const labelSelector = `${rolloutLabel}=${label}`;
  for await (const page of client.list(type, { ...options, namespace, labelSelector, signal })) {
    for (const item of page.items) {
      // Items of a list come without kind and apiVersion.
      if (!item.metadata.ownerReferences?.some(({ controller }) => controller)) {
        items.push({ ...item, kind: type.kind });
      }
    }
  }
  return items;
}

export function revisionOfObject({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[revisionLabel];
}

/**
 * Makes an object in a member as it is wanted; sends no write where it is so already.
 * @throws HansaError ClusterFailed where somebody else's object has the name
 */
export async function ensureObject(
  site: Site,
  type: ResourceType,
  wanted: KubeObject,
  known?: KubeObject,
): Promise<void> {
  const live =
    known ?? (await orAbsent(site.client.get(type, refOf(site, type, wanted), { signal: site.signal })));
  if (!live) {
    await apply(site, type, wanted);
    return;
  }
  refuseStranger(site, live);
  if (live.metadata.deletionTimestamp !== undefined) {
    throw new HansaError(`${what(site, live)} is being deleted; it is made anew once that is done`, {
      reason: 'Installing',
      retry: { afterMs: 1_000 },
    });
  }
  const desired = keepSteering(wanted, { ...live, kind: wanted.kind });
  if (isCovered(essence(desired), essence(live))) return;
  // The server writes some values in other words, and a trial is no write.
  const after = await apply(site, type, desired, true);
  if (stableJson(essence(after)) === stableJson(essence(live))) return;
  await apply(site, type, desired);
}

export async function removeObject(
  { client, signal }: Site,
  type: ResourceType,
  { metadata }: KubeObject,
): Promise<void> {
  const { name, namespace, uid } = metadata;
  await orAbsent(
    client.remove(
      type,
      { name, namespace },
      {
        signal,
        body: { propagationPolicy: 'Background', ...(uid ? { preconditions: { uid } } : {}) },
      },
    ),
  );
}

function apply(
  { client, signal }: Site,
  type: ResourceType,
  object: KubeObject,
  dryRun = false,
): Promise<KubeObject> {
  return client.apply(type, object, { fieldManager: rolloutFieldManager, force: true, dryRun, signal });
}

function refOf({ namespace }: Site, { namespaced }: ResourceType, { metadata: { name } }: KubeObject) {
  return { name, ...(namespaced ? { namespace } : {}) };
}

function refuseStranger(site: Site, live: KubeObject): void {
  const owner = live.metadata.labels?.[rolloutLabel];
  if (owner === site.label) return;
  throw new HansaError(
    owner === undefined
      ? `${what(site, live)} exists and is not this rollout's: give it the label ${rolloutLabel}=${site.label} to hand it over, or delete it, or take it out of the manifests`
      : `${what(site, live)} belongs to rollout ${owner}: take it out of the manifests of one of the two`,
    { reason: 'ClusterFailed' },
  );
}

function what({ where }: Site, { kind, metadata: { name } }: KubeObject): string {
  return `${kind} ${name} in ${where}`;
}

/** All that people write; the rest changes by itself. */
function essence({ status: _, metadata, apiVersion: __, ...rest }: KubeObject): Json {
  const { name, namespace, labels, annotations } = metadata;
  return { ...rest, metadata: { name, namespace, labels, annotations } } as unknown as Json;
}
