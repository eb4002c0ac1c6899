import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { HansaError, messageOf, stableJson } from '../../base/index.ts';
import { keyOf, type KubeObject, type Outcome, type ResourceType } from '../../kube/index.ts';
import { anchorLabel, anchorName, madeForLabel, memberFieldManager } from '../plan/shipper-door/words.ts';
import type { HostStore } from './host-store.ts';
import { type InventoryItem, inventoryKey, memberTypes } from './member-records.ts';
import type { MemberSite } from './member-site.ts';
import { after, isReason, onChange } from './member-work.ts';
import {
  applicationKeyOf,
  type InstallationRecord,
  isLeaving,
  keyOfRecord,
  type ReleaseRecord,
} from './records.ts';
import { generationOf } from './release-facts.ts';
import type { Renderings } from './renderings.ts';

export interface InstallDeps {
  readonly store: HostStore;
  readonly renderings: Renderings;
  /** UID of the host's kube-system: other hosts may have Releases of the same name in the same member. */
  readonly hostUid: () => Promise<string>;
  readonly installVersion: (target: InstallationRecord) => string;
  /** Something about the Release in this member is known now. */
  readonly onOutcome: (release: ReleaseRecord) => void;
}

/** An object that is just being deleted is made again when it is gone. */
const goneCheckMs = 500;
/** What a person must mend is looked at again now and then. */
const againMs = 30_000;

/**
 * Puts the objects of a Release into a member.
 *
 * *Guarantees*: what is missing is made; what is there is left as it is, as Shipper's users count on; an object of an
 * older Release is taken over only while the target may override; one that belongs to somebody else never is.
 */
export async function runInstall(
  deps: InstallDeps,
  site: MemberSite,
  key: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store } = deps;
  const target = store.get('installation', key);
  const release = store.get('release', key);
  if (!target?.spec.clusters.includes(site.name) || !release || isLeaving(release) || isLeaving(target)) {
    site.installed.delete(key);
    return onChange;
  }
  const version = deps.installVersion(target);
  let outcome: Outcome = onChange;
  try {
    const left = await installAll(deps, site, { target, release }, signal);
    if (left > 0) {
      outcome = after(goneCheckMs);
      throw new HansaError(`${left} objects are just being deleted and are made again when they are gone`, {
        reason: 'InternalError',
      });
    }
    site.installed.set(key, { kind: 'done', version });
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = error instanceof HansaError ? error.reason : 'UnknownError';
    site.installed.set(key, { kind: 'failed', version, reason, message: messageOf(error) });
    deps.onOutcome(release);
    if (outcome.again === 'after') return outcome;
    if (isReason(error, 'ChartError', 'UnknownError')) return after(againMs);
    throw error;
  }
  deps.onOutcome(release);
  return outcome;
}

/** Gives how many objects are in the way, as they are being deleted. */
async function installAll(
  deps: InstallDeps,
  site: MemberSite,
  { target, release }: { readonly target: InstallationRecord; readonly release: ReleaseRecord },
  signal: AbortSignal,
): Promise<number> {
  const prepared = await deps.renderings.stored(release, signal);
  if (!prepared) throw new HansaError('the chart is not rendered yet', { reason: 'ChartError' });
  if (!prepared.ok) throw new HansaError(prepared.message, { reason: 'ChartError' });
  const namespace = target.metadata.namespace ?? '';
  const objects: { readonly type: ResourceType; readonly object: KubeObject }[] = [];
  for (const object of prepared.objects) {
    const type = await site.types.find(object, signal);
    const metadata = type.namespaced ? { ...object.metadata, namespace } : object.metadata;
    objects.push({ type, object: { ...object, metadata } });
  }
  await ensureNamespace(site, namespace, target.metadata.name, signal);
  // What will be there is written down first, so that nothing is ever left behind unknown.
  await ensureAnchor(site, { target, objects, host: await deps.hostUid() }, signal);
  let left = 0;
  for (const each of objects) {
    const made = await ensureObject(deps, site, { target, release, ...each }, signal);
    if (!made) left += 1;
  }
  return left;
}

async function ensureNamespace(
  site: MemberSite,
  name: string,
  release: string,
  signal: AbortSignal,
): Promise<void> {
  const { client } = site.member;
  try {
    await client.get(memberTypes.namespace, { name }, { metadataOnly: true, signal });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    const labels = { [madeForLabel]: release.slice(0, 63).replace(/[^a-z0-9]+$/, '') };
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
    try {
      await client.create(memberTypes.namespace, object, { fieldManager: memberFieldManager, signal });
    } catch (created) {
      // Another Release was quicker.
      if (!isReason(created, 'AlreadyExists')) throw created;
    }
  }
}

async function ensureAnchor(
  site: MemberSite,
  {
    target,
    objects,
    host,
  }: {
    readonly target: InstallationRecord;
    readonly objects: readonly { readonly type: ResourceType; readonly object: KubeObject }[];
    readonly host: string;
  },
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name: release, labels = {} } = target.metadata;
  const name = anchorName(release);
  const inventory: readonly InventoryItem[] = objects.map(({ type, object }) => ({
    ...type,
    name: object.metadata.name,
  }));
  const there = site.anchors.get(keyOf({ namespace, name }));
  if (there && !there.isLeaving && stableJson(there.inventory) === stableJson(inventory)) return;
  await site.member.client.apply(
    memberTypes.anchor,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace,
        labels: {
          [shipperLabels.app]: labels[shipperLabels.app] ?? '',
          [shipperLabels.release]: release,
          [shipperLabels.ownedBy]: release,
          [anchorLabel]: 'true',
        },
      },
      data: { [inventoryKey]: JSON.stringify(inventory), host },
    },
    { fieldManager: memberFieldManager, force: true, signal },
  );
}

/** False if the object that is there must go first. */
async function ensureObject(
  deps: InstallDeps,
  site: MemberSite,
  wanted: {
    readonly target: InstallationRecord;
    readonly release: ReleaseRecord;
    readonly type: ResourceType;
    readonly object: KubeObject;
  },
  signal: AbortSignal,
): Promise<boolean> {
  const { target, release, type, object } = wanted;
  const { client } = site.member;
  const there = await look(site, type, object, signal);
  if (!there) {
    if (await belongsToNewer(deps, site, wanted, signal)) return true;
    await client.apply(type, object, { fieldManager: memberFieldManager, signal });
    return true;
  }
  if (there.metadata.deletionTimestamp !== undefined) return false;
  const { labels = {} } = there.metadata;
  const owner = labels[shipperLabels.ownedBy];
  if (owner === target.metadata.name) return true;
  const application = release.metadata.labels?.[shipperLabels.app];
  if (owner === undefined || labels[shipperLabels.app] !== application) {
    const whose = labels[shipperLabels.app]
      ? `to Application "${labels[shipperLabels.app]}"`
      : 'to nobody known';
    throw new HansaError(
      `${type.kind} "${object.metadata.name}" is there already and belongs ${whose}: name it otherwise in the chart, or delete it in cluster "${site.name}"`,
      { reason: 'UnknownError', retry: { afterMs: againMs } },
    );
  }
  if (!mayTakeFrom(deps.store, { target, release }, owner)) return true;
  await client.apply(type, object, { fieldManager: memberFieldManager, force: true, signal });
  return true;
}

/**
 * Objects are taken from older Releases while the target may override, and handed back to the newest one that stays
 * when their owner goes. Never from a newer one that stays: the two would take them from each other for ever.
 */
function mayTakeFrom(
  store: HostStore,
  { target, release }: { readonly target: InstallationRecord; readonly release: ReleaseRecord },
  ownerName: string,
): boolean {
  const { namespace } = release.metadata;
  const owner = store.get('release', keyOf({ namespace, name: ownerName }));
  const isNewest = newerThan(store, release).length === 0;
  if (!owner || isLeaving(owner)) return isNewest || target.spec.canOverride;
  return target.spec.canOverride && generationOf(owner) < generationOf(release);
}

/** Releases of the Application that stay and are newer. */
function newerThan(store: HostStore, release: ReleaseRecord): readonly ReleaseRecord[] {
  return store
    .of('release', applicationKeyOf(release) ?? '')
    .filter((each) => !isLeaving(each) && generationOf(each) > generationOf(release));
}

/** A missing object that a newer Release has too is for that one to make. */
async function belongsToNewer(
  { store, renderings }: InstallDeps,
  site: MemberSite,
  { release, object }: { readonly release: ReleaseRecord; readonly object: KubeObject },
  signal: AbortSignal,
): Promise<boolean> {
  for (const newer of newerThan(store, release)) {
    const target = store.get('installation', keyOfRecord(newer));
    if (!target?.spec.clusters.includes(site.name)) continue;
    const prepared = await renderings.stored(newer, signal);
    const has =
      prepared?.ok &&
      prepared.objects.some(
        ({ kind, apiVersion, metadata }) =>
          kind === object.kind && apiVersion === object.apiVersion && metadata.name === object.metadata.name,
      );
    if (has) return true;
  }
  return false;
}

async function look(
  site: MemberSite,
  type: ResourceType,
  { metadata }: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await site.member.client.get(type, metadata, { metadataOnly: true, signal });
  } catch (error) {
    if (isReason(error, 'NotFound', 'NamespaceNotFound')) return undefined;
    throw error;
  }
}
