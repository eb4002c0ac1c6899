import { shipperLabels } from '../../api/shipper.booking.com/v1alpha1/names.ts';
import { keyOf, type Outcome, refOf } from '../../kube/index.ts';
import { anchorName } from '../plan/shipper-door/words.ts';
import { type AnchorRecord, type InventoryItem, memberTypes } from './member-records.ts';
import type { MemberSite } from './member-site.ts';
import { after, isReason, onChange } from './member-work.ts';

export interface RemoveDeps {
  readonly hostUid: () => Promise<string>;
  /** Whether the objects of the Release may go from there now. */
  readonly mayRemove: (site: MemberSite, key: string) => boolean;
}

/** Data of many others hangs on them; helm leaves them, too. */
const leftAlone = ['CustomResourceDefinition', 'Namespace'];
const goneCheckMs = 300;

/**
 * Takes away what a Release has in a member, and its anchor last, so that an interrupted removal goes on.
 *
 * *Guarantees*: only objects that the anchor lists and that still carry the Release's mark are deleted, by their uid;
 * what another Release has taken over stays.
 */
export async function runRemove(
  deps: RemoveDeps,
  site: MemberSite,
  key: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { namespace = '', name: release } = refOf(key);
  const anchor = site.anchors.get(keyOf({ namespace, name: anchorName(release) }));
  if (!anchor || !deps.mayRemove(site, key)) return onChange;
  if (anchor.host !== '' && anchor.host !== (await deps.hostUid())) return onChange;
  let left = 0;
  for (const item of anchor.inventory.toReversed()) {
    if (!leftAlone.includes(item.kind) && !(await isRemoved(site, anchor, item, signal))) left += 1;
  }
  if (left > 0) return after(goneCheckMs);
  try {
    await site.member.client.remove(
      memberTypes.anchor,
      { namespace, name: anchor.name },
      { body: { propagationPolicy: 'Background' }, signal },
    );
  } catch (error) {
    if (!isReason(error, 'NotFound', 'NamespaceNotFound')) throw error;
  }
  site.installed.delete(key);
  return onChange;
}

/** True once it is gone, or was never its own. */
async function isRemoved(
  site: MemberSite,
  anchor: AnchorRecord,
  item: InventoryItem,
  signal: AbortSignal,
): Promise<boolean> {
  const { client } = site.member;
  const ref = item.namespaced ? { namespace: anchor.namespace, name: item.name } : { name: item.name };
  try {
    const { metadata } = await client.get(item, ref, { metadataOnly: true, signal });
    if (metadata.deletionTimestamp !== undefined) return false;
    const { labels = {}, uid } = metadata;
    const isOwn =
      labels[shipperLabels.ownedBy] === anchor.ownedBy && labels[shipperLabels.app] === anchor.application;
    if (!isOwn) return true;
    await client.remove(item, ref, {
      body: { propagationPolicy: 'Background', ...(uid ? { preconditions: { uid } } : {}) },
      signal,
    });
    return false;
  } catch (error) {
    if (isReason(error, 'NotFound', 'NamespaceNotFound', 'KindNotServed')) return true;
    throw error;
  }
}
