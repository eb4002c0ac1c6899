import type { ReadCluster } from '../../provision/index.ts';
import { systemClock } from '../../kube/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { againText } from './again-text.ts';
import { type Agreement, agreementOf } from './agree.ts';
import { chooseClusters } from './choose-clusters.ts';
import type { ApplyFlags, WorkFlags } from './cluster-options.ts';
import { type KeptObjects, withLeavers, withoutLeavers } from './kept-objects.ts';
import { keepObjects, keepSecrets, keyOf, leavingOf, objectsOf } from './load-clusters.ts';
import { bundlePath, openWork, type WorkPlace } from './open-work.ts';
import { isThere, type Outcome, outcomeData, renderOutcome } from './outcome.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { workOn } from './work-on.ts';

/** Brings clusters to what their file says, side by side. Exit code 1: one of them did not get there. */
export async function runClusterApply(name: string | undefined, flags: ApplyFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stops = stopSignals();
  const place = { state, flags, progress: createProgress(), stops };
  const clusters = await chooseClusters(name, flags, state);
  for (const cluster of clusters) await keepSecrets(cluster, state);
  const agreement = agreementOf(flags.yes ?? false, stops.signal);
  const ends = await Promise.allSettled(
    clusters.map((cluster) => applyOne(cluster, place, { agreement, flags })),
  );
  const applied = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const command = ['hansa cluster apply', name, flags.filename && `-f ${flags.filename}`];
  const again = againText(command.filter(Boolean).join(' '), flags);
  if (format) await printData(applied.map(outcomeData), format);
  else for (const each of applied) process.stdout.write(`${renderApplied(each, again)}\n`);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return applied.every(isThere) ? 0 : 1;
}

export interface ApplyWish {
  readonly agreement: Agreement;
  readonly flags: Pick<WorkFlags, 'forgetUnreachable'>;
  /** The bundle must have it, or nothing is begun. */
  readonly version?: string;
  /** Kept in the end; default: the objects of the cluster, without those that have left. */
  readonly keptInTheEnd?: KeptObjects;
}

/**
 * One cluster to what its objects say. They are kept before the first step, those of leaving machines with them until they
 * have left; what is refused is not kept.
 */
export async function applyOne(
  cluster: ReadCluster,
  place: WorkPlace,
  { agreement, flags: { forgetUnreachable = [] }, version, keptInTheEnd }: ApplyWish,
): Promise<Outcome> {
  const { state, stops } = place;
  const key = keyOf(cluster);
  const leaving = await leavingOf(cluster, state);
  await using work = await openWork(cluster, place, {
    leaving,
    bundle: true,
    ...(version !== undefined && { version }),
  });
  const outcome = await workOn(work, {
    cluster: cluster.spec.name,
    goal: { kind: 'apply', ...(forgetUnreachable.length > 0 && { forgetUnreachable }) },
    agreement,
    stops,
    hasBundle: bundlePath(cluster, place.flags) !== undefined,
    onBegin: async () => {
      const kept = (await state.cluster(key))?.objects ?? [];
      const at = new Date(systemClock.now()).toISOString();
      await keepObjects(key, withLeavers(objectsOf(cluster), kept, at), state);
    },
  });
  if (isThere(outcome)) {
    const kept = (await state.cluster(key))?.objects ?? [];
    await keepObjects(key, keptInTheEnd ?? withoutLeavers(objectsOf(cluster), kept), state);
  }
  return outcome;
}

export function renderApplied(outcome: Outcome, again: string): string {
  const { cluster, tookMs } = outcome;
  return renderOutcome(outcome, {
    done: `cluster ${cluster} is as it should be, after ${Math.round(tookMs / 1000)} s\nhansa cluster kubeconfig ${cluster} > ${cluster}.kubeconfig`,
    nothing: `cluster ${cluster} is as it should be`,
    again,
    width: process.stdout.columns,
  });
}
