import { revisionLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { type Clock, HansaError, type Logger } from '../../base/index.ts';
import type { ModeCall, RolloutMode, RolloutView } from '../mode.ts';
import {
  decideTending,
  firstStable,
  type GatedState,
  isGatedKind,
  orderShares,
  sharesOf,
  type TendingStep,
  tellObserved,
  type Version,
  type WebhookAddress,
  workloadRevision,
} from '../plan/gated/index.ts';
import type { MemberObserved } from '../plan/steps/types.ts';
import { carryOut, reattach } from './carry-out.ts';
import { ensureEntries, removeEntries } from './entries.ts';
import { type Look, lookAt } from './look.ts';
import { orAbsent, type Site, siteOf } from './site.ts';
import { readState, removeState, writeState } from './state-store.ts';
import { type RouterFactory, type Steering, steeringOf } from './steering.ts';
import { arm, disarm, planArming, restoreTemplate } from './workload.ts';

export interface GatedModeDeps {
  readonly clock: Clock;
  /** Undefined where the controller was not told under which address members reach it. */
  readonly webhook: WebhookAddress | undefined;
  readonly logger: Logger;
  readonly createRouter: RouterFactory;
}

/**
 * One plain Deployment or DaemonSet, edited in the ordinary way: new pods wait behind a scheduling gate, and are let go
 * up to the share that was ordered, so that Kubernetes' own rolling update goes just as far.
 *
 * *Flow*: `arm` notes which pods are stable and makes the member call the webhook for all others; an edit makes pods
 * that wait; `set` notes a share; `tend` lifts gates up to it; `finish` makes the new pods the stable ones.
 * *Guarantees*: all that is known stands in the member (a ConfigMap beside the workload), so that any process goes on;
 * the ready pods never become fewer than the replicas through this mode, forward or back.
 * *Caveats*: the first creation of a workload is not held back: there is nothing yet that it could hurt.
 */
export function createGatedMode({ clock, webhook, logger, createRouter }: GatedModeDeps): RolloutMode {
  return {
    arm: async (call) => {
      const site = siteOf(call);
      const look = await lookAt(site);
      if (look) await ensureArmed(call, site, look, await readState(site));
    },

    tend: async (call) => {
      const site = siteOf(call);
      const state = await readState(site);
      // Nothing was armed, so there is nothing of ours to tend.
      if (!state) return;
      const look = await lookAt(site);
      if (look) await tend(call, site, look, await ensureArmed(call, site, look, state));
    },

    observe: async (call) => {
      if (!call.member.client) {
        return { kind: 'unreachable', message: `member ${call.member.name} can't be reached` };
      }
      const site = siteOf(call);
      const look = await lookAt(site);
      return look ? observe(call, site, look) : absent(site);
    },

    install: async (call) => {
      const site = siteOf(call);
      const look = await lookAt(site);
      // Propagation makes a federated one in its own time.
      if (!look && !site.isEditedThere) return;
      if (!look) throw noWorkload(site);
      const state = await ensureArmed(call, site, look, await readState(site));
      const { newest } = look.seen;
      await steer(call, site, look, state).prepare();
      // Until the edit has come (by propagation, or by who edits there) nothing is to be noted.
      if (newest === undefined || newest === state.stable.hash) return;
      await writeState(
        site,
        { ...state, contender: { hash: newest, revision: call.rollout.contender.hash } },
        state,
      );
    },

    set: async (call, decision) => {
      const site = siteOf(call);
      const look = await needWorkload(site);
      const state = await ensureArmed(call, site, look, await readState(site));
      const newest = needNoted(site, look, state);
      const shares = orderShares(state, newest, decision);
      if (site.kind === 'DaemonSet' && shares.contender < sharesOf(state, newest).contender) {
        return takeDaemonSetBack(site, look, state, shares.contender);
      }
      const ordered = await writeState(site, { ...state, shares }, state);
      await steer(call, site, look, ordered).set(decision.traffic);
      await tend(call, site, look, ordered);
    },

    finish: async (call) => {
      const site = siteOf(call);
      const look = await needWorkload(site);
      const state = await ensureArmed(call, site, look, await readState(site));
      const newest = needNoted(site, look, state);
      const { contender: _, ...rest } = state;
      const done = await writeState(
        site,
        {
          ...rest,
          stable: { hash: newest, revision: call.rollout.contender.hash },
          // Repeated, it must not forget what was before.
          ...(newest === state.stable.hash ? {} : { previous: state.stable }),
        },
        state,
      );
      // First the entry: a pod that is made in between waits at a gate that the next line lifts.
      if (webhook) await ensureEntries(site, look, done, webhook);
      await tend(call, site, look, done);
      await steer(call, site, look, done).release();
    },

    putBack: async (call) => {
      const site = siteOf(call);
      const look = await lookAt(site);
      const noted = await readState(site);
      if (!look || !noted) return;
      const { contender: _, shares: __, ...rest } = noted;
      const state = await writeState(site, { ...rest, stable: versionToPutBack(call.rollout, noted) }, noted);
      if (webhook) await ensureEntries(site, look, state, webhook);
      const { newest } = look.seen;
      if (site.isEditedThere && newest !== undefined && newest !== state.stable.hash) {
        await restoreTemplate(site, look, state);
      }
      await steer(call, site, look, state).release();
    },

    leave: async (call) => {
      const site = siteOf(call);
      const state = await readState(site);
      await removeEntries(site);
      const look = await lookAt(site);
      if (look) await steer(call, site, look, state).release();
      await release(site, state);
      await removeState(site);
    },
  };

  /** Leaves a workload as if there had never been a rollout. */
  async function release(site: Site, state: GatedState | undefined): Promise<void> {
    const look = await lookAt(site);
    if (!look) return;
    await letAllGo(site, look, clock.now());
    // The server may call the webhook for a moment longer; a pod that was made then waits as well.
    await clock.sleep(entriesLingerMs, site.signal);
    const later = await lookAt(site);
    if (!later) return;
    await letAllGo(site, later, clock.now());
    if (state && site.isEditedThere) await disarm(site, later, state);
  }

  function steer(call: ModeCall, site: Site, look: Look, state: GatedState | undefined): Steering {
    return steeringOf(createRouter, call, site, look, state?.stable.hash ?? '');
  }

  /** The state as it is then: noted, with the webhook's entry and the workload's strategy following it. */
  async function ensureArmed(
    { rollout }: ModeCall,
    site: Site,
    look: Look,
    before: GatedState | undefined,
  ): Promise<GatedState> {
    if (!webhook) throw noWebhook();
    // The rollout was turned to another workload: the one before is let go.
    const past = before && pastSite(site, before);
    if (past) {
      await removeEntries(site);
      await release(past, before);
    }
    const { originals, change } = planArming(site, look, before);
    const uid = look.workload.metadata.uid ?? '';
    // A workload of the same name that was made anew has pods of its own.
    const known = before?.workload.uid === uid ? before : undefined;
    const stable = known?.stable ?? firstVersion(rollout, site, look);
    // A revision that is everywhere is the stable one, also where it changed no pod.
    const isEverywhere = rollout.isDone && look.seen.newest === stable.hash;
    const { originals: _, ...rest } = withoutPast(known, look);
    const state = await writeState(
      site,
      {
        ...rest,
        workload: { kind: site.kind, name: site.name, uid },
        stable: isEverywhere ? { hash: stable.hash, revision: rollout.contender.hash } : stable,
        ...(originals ? { originals } : {}),
      },
      before,
    );
    await ensureEntries(site, look, state, webhook);
    if (change) await arm(site, change);
    return state;
  }

  async function tend(call: ModeCall, site: Site, look: Look, state: GatedState): Promise<void> {
    const nowMs = clock.now();
    const shares = sharesOf(state, look.seen.newest);
    const steps = decideTending({
      seen: look.seen,
      stable: state.stable.hash,
      share: shares.contender,
      trafficShare: site.isSteered ? (shares.traffic?.contender ?? 0) : undefined,
      takesStraysBack: site.whenDown === 'Hold',
      nowMs,
    });
    await carryOut(site, steps, nowMs);
    if (steps.length > 0) {
      logger.debug('tended', { member: site.member, rollout: call.rollout.name, steps: steps.length });
    }
  }

  async function observe(call: ModeCall, site: Site, look: Look): Promise<MemberObserved> {
    const { rollout } = call;
    const state = (await readState(site)) ?? unnoted(rollout, site, look);
    const seen = tellObserved({
      seen: look.seen,
      state,
      contender: rollout.contender.hash,
      stamp: site.isEditedThere ? undefined : look.workload.metadata.annotations?.[revisionLabel],
      ownRevision: workloadRevision(look.workload),
      isSteered: site.isSteered,
      takesStraysBack: site.whenDown === 'Hold',
    });
    return steer(call, site, look, state).tell(seen);
  }
}

async function needWorkload(site: Site): Promise<Look> {
  const look = await lookAt(site);
  if (look) return look;
  throw noWorkload(site);
}

/** Where the revision was finished already, that which was stable before it. */
function versionToPutBack({ contender, incumbent }: RolloutView, { stable, previous }: GatedState): Version {
  const isFinished = stable.revision === contender.hash && previous !== undefined;
  return isFinished && previous.revision === incumbent?.hash ? previous : stable;
}

/** The pods as they are now, if they are those that were installed: an edit in between has nothing ordered for it. */
function needNoted({ what }: Site, { seen: { newest } }: Look, { stable, contender }: GatedState): string {
  if (newest !== undefined && [stable.hash, contender?.hash].includes(newest)) return newest;
  throw new HansaError(`${what} was edited again a moment ago; it goes on once that is noticed`, {
    reason: 'Installing',
    retry: { afterMs: 1_000 },
  });
}

function noWorkload({ what }: Site): HansaError {
  return new HansaError(`there is no ${what}: create it, or leave the member out of spec.placement`, {
    reason: 'SourceNotFound',
  });
}

/**
 * Kubernetes gives the same template the same hash again. Where an edit was taken back, its share must not let it through
 * when it comes a second time.
 */
function withoutPast(state: GatedState | undefined, { seen }: Look): Partial<GatedState> {
  if (!state || seen.newest !== state.stable.hash) return state ?? {};
  const { contender: _, shares, ...rest } = state;
  return { ...rest, ...(shares?.hash === seen.newest ? { shares } : {}) };
}

function pastSite(site: Site, { workload: { kind, name } }: GatedState): Site | undefined {
  if ((kind === site.kind && name === site.name) || !isGatedKind(kind)) return undefined;
  return { ...site, kind, name };
}

function absent(site: Site): MemberObserved {
  const nothing = {
    capacityPercent: undefined,
    desired: 0,
    ready: 0,
    capacityReady: false,
    trafficPercent: undefined,
    trafficReady: false,
    withTraffic: 0,
  };
  return {
    kind: 'seen',
    revision: undefined,
    installed: false,
    contender: nothing,
    incumbent: undefined,
    total: 0,
    problem: site.isEditedThere ? { reason: 'SourceNotFound', message: noWorkload(site).message } : undefined,
  };
}

function firstVersion(
  { incumbent, contender }: RolloutView,
  site: Site,
  { seen }: Look,
): GatedState['stable'] {
  const hash = seen.newest === undefined ? undefined : firstStable(seen);
  if (hash === undefined) {
    throw new HansaError(`Kubernetes has not seen the latest edit of ${site.what} yet`, {
      reason: 'Installing',
      retry: { afterMs: 1_000 },
    });
  }
  return { hash, revision: (incumbent ?? contender).hash };
}

/** What would be noted if it were armed now; observing writes nothing. */
function unnoted({ incumbent, contender }: RolloutView, site: Site, { seen, workload }: Look): GatedState {
  return {
    workload: { kind: site.kind, name: site.name, uid: workload.metadata.uid ?? '' },
    stable: { hash: firstStable(seen) ?? '', revision: (incumbent ?? contender).hash },
  };
}

/** Kubernetes makes pods of a DaemonSet of the newest revision only, so there is no way back but the whole. */
async function takeDaemonSetBack(site: Site, look: Look, state: GatedState, share: number): Promise<void> {
  if (share > 0) {
    throw new HansaError(
      `${site.what} can't go back to a lower share, since Kubernetes makes its pods of the newest revision only: go on, or abort`,
      { reason: 'InvalidSpec', retry: 'never' },
    );
  }
  // A federated one gets its old template through its pin.
  if (site.isEditedThere) await restoreTemplate(site, look, state);
}

/** No gate, no pod out of its ReplicaSet, no pod that waits for our word. */
async function letAllGo(site: Site, { seen }: Look, nowMs: number): Promise<void> {
  const steps = seen.pods.flatMap((pod): readonly TendingStep[] => [
    ...(pod.gateIndex === undefined ? [] : [{ kind: 'lift', pod, gateIndex: pod.gateIndex } as const]),
    ...(pod.isAdmitted === false ? [{ kind: 'serve', pod, withLabel: false } as const] : []),
  ]);
  await carryOut(site, steps, nowMs);
  // Back in its ReplicaSet a pod serves on, and Kubernetes decides which are too many.
  for (const pod of seen.pods.filter(({ isLeaving }) => isLeaving)) await orAbsent(reattach(site, pod));
}

/** How long API servers may go on calling a webhook that was taken away. */
const entriesLingerMs = 1_000;

function noWebhook(): HansaError {
  return new HansaError(
    'mode Gated needs the webhook that holds new pods back: start the controller with --webhook-url https://HOST:PORT, the address under which members reach it, or set spec.mode to InPlace',
    { reason: 'InvalidSpec', retry: 'never' },
  );
}
