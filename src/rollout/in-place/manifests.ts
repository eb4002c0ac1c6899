import { revisionLabel, rolloutLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject, type JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { Revision, RolloutMode, RolloutView } from '../mode.ts';
import {
  identityOf,
  isOwn,
  isStepped,
  orderObjects,
  replicasOf,
  revisionOn,
  shareAnnotation,
  shareOrdered,
  tellInPlace,
  withShare,
} from '../plan/in-place/index.ts';
import { takeOneBack } from './pods.ts';
import { isPlaced, type Placed, type Site } from './site.ts';

export interface ManifestsDeps {
  /** Objects of revisions that are kept besides contender and incumbent: what may be left of them is tidied away. */
  readonly olderObjects: (rollout: RolloutView, signal: AbortSignal) => Promise<readonly KubeObject[]>;
}

type Parts = {
  readonly [Method in keyof Required<RolloutMode>]: (
    site: Site,
    call: Parameters<Required<RolloutMode>[Method]>[0],
    ...rest: Parameters<Required<RolloutMode>[Method]> extends [unknown, ...infer Rest] ? Rest : never
  ) => ReturnType<Required<RolloutMode>[Method]>;
};

/** Plain objects, each of which is in a member once: applied in dependency order, StatefulSets held by their partition. */
export function manifestsInPlace({ olderObjects }: ManifestsDeps): Parts {
  return {
    arm: async () => {},

    /** Mends what somebody changed there, and takes a pod back that the share no longer lets be new. */
    tend: async (site, { rollout }) => {
      const { contender, incumbent, isDone } = rollout;
      const now = await lookAt(site, contender);
      const heldNow = now.filter(isHeld(contender.hash));
      if (heldNow.length > 0) {
        // Half of it is an installation that failed on its way: that goes on by order only.
        const missing = now.filter((each) => !isPlaced(each) || !each.live);
        if (!isDone && heldNow.length + missing.length < now.length) return;
        for (const each of now) {
          if (isPlaced(each) && (each.live || isDone)) await site.put(keepShare(each));
        }
        for (const each of heldNow) if (each.live) await takeOneBack(site, each.live);
        return;
      }
      if (!incumbent) return;
      const before = await lookAt(site, incumbent);
      const held = before.filter(isHeld(incumbent.hash));
      if (held.length === 0) return;
      for (const each of before) if (isPlaced(each)) await site.put(each);
    },

    observe: async (site, { rollout }) => {
      const { contender, incumbent } = rollout;
      const now = await lookAt(site, contender);
      const live = now.filter(isPlaced).flatMap((each) => each.live ?? []);
      const fresh = live.filter((object) => revisionOn(object) === contender.hash);
      if (now.length > 0 && fresh.length === now.length) {
        return tellInPlace({
          objects: live,
          installed: true,
          revision: contender.hash,
          hasIncumbent: incumbent !== undefined,
        });
      }
      const before = incumbent ? await lookAt(site, incumbent) : [];
      const old = before.filter(isPlaced).flatMap((each) => each.live ?? []);
      const isBack =
        incumbent !== undefined &&
        fresh.length === 0 &&
        old.length === before.length &&
        old.every((object) => revisionOn(object) === incumbent.hash);
      return tellInPlace({
        objects: incumbent ? old : live,
        installed: false,
        // Some of both: it is on its way to the new one, or back from it.
        revision: isBack ? incumbent.hash : fresh.length > 0 ? contender.hash : revisionOf(live),
        hasIncumbent: old.length > 0,
      });
    },

    install: async (site, { rollout }) => {
      const { contender } = rollout;
      for (const object of orderObjects(objectsOf(contender))) {
        const placed = await site.place(object, contender.hash);
        await site.put(isHeld(contender.hash)(placed) ? keepShare(placed) : shared(placed, 0));
      }
    },

    set: async (site, { rollout }, { capacity }) => {
      const percent =
        capacity?.contender ?? (capacity?.incumbent === undefined ? undefined : 100 - capacity.incumbent);
      if (percent === undefined) return;
      const { contender } = rollout;
      for (const object of objectsOf(contender).filter(isStepped)) {
        await site.put(shared(await site.place(object, contender.hash), percent));
      }
    },

    finish: async (site, { rollout, signal }) => {
      const { contender } = rollout;
      for (const object of orderObjects(objectsOf(contender))) {
        await site.put(await site.place(object, contender.hash));
      }
      const older = [...objectsOf(rollout.incumbent), ...(await olderObjects(rollout, signal))];
      await removeOthers(site, rollout, older, () => true);
    },

    putBack: async (site, { rollout }) => {
      const { contender, incumbent } = rollout;
      // What was there before is not known, so taking things away could take away too much.
      if (!incumbent) return;
      for (const object of orderObjects(objectsOf(incumbent))) {
        await site.put(await site.place(object, incumbent.hash));
      }
      await removeOthers(
        site,
        { ...rollout, contender: incumbent },
        objectsOf(contender),
        (object) => revisionOn(object) === contender.hash,
      );
    },

    leave: async (site, { rollout }) => {
      const seen = new Set<string>();
      for (const revision of [rollout.contender, rollout.incumbent]) {
        for (const each of revision ? await lookAt(site, revision) : []) {
          const identity = identityOf(isPlaced(each) ? each.desired : each, rollout.namespace);
          if (!isPlaced(each) || !each.live || seen.has(identity)) continue;
          seen.add(identity);
          if (isOwn(each.live, rollout.name)) await site.patch(each.type, each.live, unmarked(each));
        }
      }
    },
  };
}

function objectsOf(revision: Revision | undefined): readonly KubeObject[] {
  return revision?.content.kind === 'objects' ? revision.content.objects : [];
}

function lookAt(site: Site, revision: Revision): Promise<readonly (Placed | KubeObject)[]> {
  return site.look(objectsOf(revision), revision.hash);
}

function isHeld(revision: string) {
  return (each: Placed | KubeObject): each is Placed =>
    isPlaced(each) && each.live !== undefined && revisionOn(each.live) === revision;
}

/** The first that any of them carries; undefined where nothing is ours. */
function revisionOf(objects: readonly KubeObject[]): string | undefined {
  return objects.map(revisionOn).find((revision) => revision !== undefined);
}

function shared(placed: Placed, percent: number): Placed {
  const { desired, live } = placed;
  if (!isStepped(desired)) return placed;
  return { ...placed, desired: withShare(desired, replicasOf(live ?? desired), percent) };
}

/** As it was last ordered: an object that is mended, or applied again, keeps its share. */
function keepShare(placed: Placed): Placed {
  const share = placed.live ? shareOrdered(placed.live) : undefined;
  return share === undefined ? placed : shared(placed, share);
}

/** Of `older`, what the contender no longer has; only objects that carry the mark of this rollout. */
async function removeOthers(
  site: Site,
  { contender, namespace, name }: RolloutView,
  older: readonly KubeObject[],
  may: (live: KubeObject) => boolean,
): Promise<void> {
  const kept = new Set(objectsOf(contender).map((object) => identityOf(object, namespace)));
  const candidates = new Map(
    older
      .map((object) => [identityOf(object, namespace), object] as const)
      .filter(([identity]) => !kept.has(identity)),
  );
  // What depends on others goes first.
  for (const each of await site.look(orderObjects([...candidates.values()]).toReversed(), contender.hash)) {
    if (isPlaced(each) && each.live && isOwn(each.live, name) && may(each.live)) await site.remove(each);
  }
}

/** Merge patch that takes our marks away, and gives a StatefulSet the strategy of its own manifest back. */
function unmarked({ desired, live }: Placed): JsonObject {
  const marks = {
    metadata: {
      labels: { [rolloutLabel]: null },
      annotations: { [revisionLabel]: null, [shareAnnotation]: null },
    },
  };
  if (!live || !isStepped(desired) || shareOrdered(live) === undefined) return marks;
  const spec = desired['spec'];
  const strategy = isJsonObject(spec) ? spec['updateStrategy'] : undefined;
  const rolling = isJsonObject(strategy) ? strategy['rollingUpdate'] : undefined;
  const partition = isJsonObject(rolling) ? (rolling['partition'] ?? 0) : 0;
  return { ...marks, spec: { updateStrategy: { rollingUpdate: { partition } } } };
}
