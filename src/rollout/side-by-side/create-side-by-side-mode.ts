import { type Clock, HansaError, type Logger } from '../../base/index.ts';
import type { ModeCall, Revision, RolloutMode, RolloutView } from '../mode.ts';
import {
  lostSelector,
  type RenderedRevision,
  renderRevision,
  sumCapacity,
} from '../plan/side-by-side/index.ts';
import { createRouter, isSteering } from '../traffic/index.ts';
import { releaseAutoscaler } from './autoscalers.ts';
import { groupsOf, podsOf } from './groups.ts';
import {
  checkKinds,
  disown,
  ensureNamespace,
  ensureObjects,
  ensureWorkloads,
  kindsOf,
  pruneObjects,
} from './keep-objects.ts';
import { autoscalerOf, type Contents, type LiveWorkload, type Look, lookAt } from './look.ts';
import { listOwn, removeObject, revisionOfObject } from './member-calls.ts';
import { orderCapacity, refuseToStarve } from './order-capacity.ts';
import { kinds, workloadTypes } from './resource-types.ts';
import { type Site, siteOf } from './site.ts';
import { tellObserved } from './tell-observed.ts';

export interface SideBySideModeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Two revisions of plain manifests or of a chart beside each other, as two workloads under two names.
 *
 * *Flow*: `install` switches what is shared and makes the contender with no replicas; `set` moves replicas and traffic;
 * `finish` leaves the contender alone, `putBack` the incumbent. `tend` keeps everything as it was last ordered.
 * *Guarantees*: what was ordered stands on the objects in the member, so any process goes on. Only objects with our label
 * and this rollout's name are ever removed.
 * *Caveats*: what is shared (Services, roles, …) is switched before the first new pod is there, since the new pods may
 * need it; on the way back it is put back before the contender goes.
 */
export function createSideBySideMode({ clock, logger }: SideBySideModeDeps): RolloutMode {
  // Rendering is the same for every member and look.
  const rendered = new WeakMap<Revision, RenderedRevision>();

  return {
    arm: () => Promise.resolve(),

    tend: async (call) => {
      const { site, look } = await begin(call);
      const { contender, stable } = look;
      if (look.contenderWorkloads.length === 0 && look.incumbent === undefined) return;
      if (look.isInstalled && isSteering(call.rollout)) {
        await routerOf(call).mend(call, groupsOf(site, call.rollout, look));
      }
      if (look.isInstalled) {
        await ensureObjects(site, [...contender.shared, ...contender.versioned]);
        await ensureWorkloads(site, contender, { look, live: look.contenderWorkloads, percent: 0 });
        if (call.rollout.isDone) await ensureObjects(site, autoscalersOf(contender));
      }
      // Content of another revision than the one that serves here says nothing about it.
      if (stable?.revision !== look.incumbent || !stable) return;
      const isShared = look.contenderWorkloads.length === 0;
      await ensureObjects(site, [...(isShared ? stable.shared : []), ...stable.versioned]);
      await ensureWorkloads(site, stable, { look, live: look.incumbentWorkloads, percent: 100 });
    },

    observe: async (call) => {
      if (!call.member.client) {
        return { kind: 'unreachable', message: `member ${call.member.name} can't be reached` };
      }
      const { site, look } = await begin(call);
      return tellObserved(call, site, look, { clock });
    },

    install: async (call) => {
      const { site, look } = await begin(call);
      const { contender, stable } = look;
      const lost = stable && stable.revision === look.incumbent ? lostSelector(contender, stable) : undefined;
      if (lost) throw new HansaError(lost, { reason: 'InvalidSpec', retry: 'never' });
      await checkKinds(site, contender);
      await ensureNamespace(site);
      const held = await holdIncumbent(call, site, look);
      await ensureObjects(site, [...contender.shared, ...contender.versioned]);
      if (isSteering(call.rollout)) await routerOf(call).prepare(call, groupsOf(site, call.rollout, held));
      await ensureWorkloads(site, contender, { look: held, live: held.contenderWorkloads, percent: 0 });
      logger.debug('installed', { member: site.member, rollout: site.rollout, revision: contender.revision });
    },

    set: async (call, { capacity, traffic }) => {
      const { site, look } = await begin(call);
      const groups = groupsOf(site, call.rollout, look);
      const router = routerOf(call);
      if (capacity && isLower(look, capacity) && isSteering(call.rollout)) {
        refuseToStarve(call, look, groups, await router.observe(call, groups), capacity);
      }
      if (capacity?.contender !== undefined) {
        await orderCapacity(site, look, look.contenderWorkloads, capacity.contender);
      }
      if (capacity?.incumbent !== undefined) {
        await orderCapacity(site, look, look.incumbentWorkloads, capacity.incumbent);
      }
      if (traffic) await router.set(call, groups, traffic);
    },

    finish: async (call) => {
      const { site, look } = await begin(call);
      const { percent } = sumCapacity(look.contenderWorkloads.map(({ seen }) => seen));
      if (!look.isInstalled || percent !== 100) {
        throw new HansaError(
          `the new revision is not whole in ${site.where}, so the old one is not removed yet`,
          { reason: 'Installing', retry: { afterMs: 1_000 } },
        );
      }
      await removeWorkloads(site, [...look.incumbentWorkloads, ...look.leftovers]);
      await routerOf(call).release(call);
      await ensureObjects(site, autoscalersOf(look.contender));
      await pruneObjects(site, [look.contender, look.stable], {
        revision: look.contender.revision,
        shared: look.contender.shared,
      });
    },

    putBack: async (call) => {
      const { site, look } = await begin(call);
      const isKnown = look.stable !== undefined && look.stable.revision === look.incumbent;
      if (isKnown) await ensureObjects(site, look.stable.shared);
      await removeWorkloads(site, [...look.contenderWorkloads, ...look.leftovers]);
      await routerOf(call).release(call);
      for (const workload of look.incumbentWorkloads) {
        const autoscaler = autoscalerOf(look, workload);
        if (autoscaler) await releaseAutoscaler(site, autoscaler);
      }
      // Shared objects of a revision that nobody knows any more stay as they are.
      const shared = isKnown ? look.stable.shared : look.incumbent === undefined ? [] : undefined;
      await pruneObjects(site, [look.contender, look.stable], { revision: look.incumbent, shared });
    },

    leave: async (call) => {
      const site = siteOf(call);
      const look = await lookAt(site, call.rollout, contentsToLeave(call.rollout));
      await routerOf(call).release(call);
      for (const autoscaler of look.autoscalers) {
        await releaseAutoscaler(site, autoscaler);
        await disown(site, kinds.autoscaler, autoscaler);
      }
      for (const type of await kindsOf(site, [look.contender, look.stable])) {
        for (const object of await listOwn(site, type, { metadataOnly: true }))
          await disown(site, type, object);
      }
      for (const { object, kind } of [
        ...look.contenderWorkloads,
        ...look.incumbentWorkloads,
        ...look.leftovers,
      ]) {
        await disown(site, workloadTypes[kind], object);
      }
    },
  };

  function routerOf({ rollout }: ModeCall) {
    return createRouter(rollout, { clock });
  }

  async function begin(call: ModeCall): Promise<{ readonly site: Site; readonly look: Look }> {
    const site = siteOf(call);
    return { site, look: await lookAt(site, call.rollout, contentsOf(call.rollout)) };
  }

  function contentsOf(rollout: RolloutView): Contents {
    const { contender, incumbent } = rollout;
    return {
      contender: render(contender, rollout),
      stable: incumbent && incumbent.hash !== contender.hash ? render(incumbent, rollout) : undefined,
    };
  }

  /** Content that nobody can render must not keep a Rollout from being deleted. */
  function contentsToLeave(rollout: RolloutView): Contents {
    try {
      return contentsOf(rollout);
    } catch {
      return {
        contender: { revision: rollout.contender.hash, versioned: [], shared: [], workloads: [] },
        stable: undefined,
      };
    }
  }

  function render(revision: Revision, rollout: RolloutView): RenderedRevision {
    const known = rendered.get(revision);
    if (known) return known;
    if (revision.content.kind !== 'objects') {
      throw new HansaError('mode SideBySide needs source.manifests or source.helm: set spec.mode to Gated', {
        reason: 'InvalidSpec',
        retry: 'never',
      });
    }
    const result = renderRevision(revision.content.objects, revision.hash, rollout);
    rendered.set(revision, result);
    return result;
  }

  /** From here on the replicas of the old revision are the rollout's: what its autoscaler had decided is the whole. */
  async function holdIncumbent(call: ModeCall, site: Site, look: Look): Promise<Look> {
    const scaled = look.incumbentWorkloads.filter(({ seen }) => seen.isScaled);
    if (scaled.length === 0) return look;
    await orderCapacity(site, look, scaled, 100);
    return (await begin(call)).look;
  }

  /** Waits until their pods are on their way out, so that none of them gets traffic when nobody steers any more. */
  async function removeWorkloads(site: Site, workloads: readonly LiveWorkload[]): Promise<void> {
    for (const { object, kind } of workloads) await removeObject(site, workloadTypes[kind], object);
    const revisions = new Set(workloads.map(({ object }) => revisionOfObject(object) ?? ''));
    for (const revision of revisions) {
      const started = clock.monotonic();
      while ((await countStaying(site, revision)) > 0) {
        if (clock.monotonic() - started > leavingLimitMs) {
          throw new HansaError(
            `pods of revision ${revision} are still there in ${site.where} though their workload is removed; it goes on once they leave`,
            { reason: 'WaitingForCapacity', retry: { afterMs: 1_000 } },
          );
        }
        await clock.sleep(leavingPollMs, site.signal);
      }
    }
  }
}

/** Kubernetes removes pods of a removed workload within a second or two; a slow member shall not hold up the look. */
const leavingLimitMs = 10_000;
const leavingPollMs = 200;

async function countStaying(site: Site, revision: string): Promise<number> {
  const { client, namespace, signal } = site;
  let count = 0;
  const options = { namespace, labelSelector: podsOf(site, revision), metadataOnly: true, signal };
  for await (const page of client.list(kinds.pod, options)) {
    count += page.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length;
  }
  return count;
}

function autoscalersOf({ workloads }: RenderedRevision) {
  return workloads.flatMap(({ autoscaler }) => (autoscaler ? [autoscaler] : []));
}

function isLower(
  look: Look,
  capacity: { readonly contender?: number; readonly incumbent?: number },
): boolean {
  const now = (workloads: readonly LiveWorkload[]) =>
    sumCapacity(workloads.map(({ seen }) => seen)).percent ?? 100;
  return (
    (capacity.contender !== undefined && capacity.contender < now(look.contenderWorkloads)) ||
    (capacity.incumbent !== undefined && capacity.incumbent < now(look.incumbentWorkloads))
  );
}
