import { isJsonObject } from '../../base/index.ts';
import type { ReadCluster, StoredCluster } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { agree, type Agreement, agreementOf } from './agree.ts';
import type { WorkFlags } from './cluster-options.ts';
import { machineNames } from './kept-objects.ts';
import { findStored, leavingOf, readStored } from './load-clusters.ts';
import { openWork, type WorkPlace } from './open-work.ts';
import { isThere, outcomeData, renderOutcome } from './outcome.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { workOn } from './work-on.ts';

export interface DeleteFlags extends WorkFlags {
  /** Forget it here, and leave machines and cluster as they are, whatever its deletionPolicy. */
  readonly force?: boolean;
}

/** Lets go of a cluster, then forgets it with its journal and keys. */
export async function runClusterDelete(name: string | undefined, flags: DeleteFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stored = await findStored(name, flags.namespace, state);
  const stops = stopSignals();
  const place = { state, flags, progress: createProgress(), stops };
  const agreement = agreementOf(flags.yes ?? false, stops.signal);
  const forgetting = whyOnlyForgotten(stored, flags);
  if (forgetting !== undefined) {
    await agree(stored.name, forgetting, agreement);
    await state.remove(stored);
    if (format) await printData({ cluster: stored.name, isGone: true, refusals: [] }, format);
    else process.stdout.write(`✓ cluster ${stored.name} is forgotten\n`);
    return 0;
  }
  const { outcome, isReset } = await deleteOne(stored, flags, { place, agreement });
  const isGone = isThere(outcome);
  if (isGone) await state.remove(stored);
  if (format) await printData({ ...(outcomeData(outcome) as object), isGone }, format);
  else {
    process.stdout.write(
      `${renderOutcome(outcome, {
        done: `cluster ${stored.name} is deleted and forgotten`,
        nothing: isReset
          ? `cluster ${stored.name} is forgotten; there was nothing of it on its machines`
          : `cluster ${stored.name} is forgotten, and goes on as it is`,
        again: `hansa cluster delete ${stored.name}`,
        width: process.stdout.columns,
      })}\n`,
    );
  }
  return isGone ? 0 : 1;
}

/** Where nothing is to be done about machines or members, none needs to be reached. */
function whyOnlyForgotten(stored: StoredCluster, { force = false }: DeleteFlags): string | undefined {
  const { name } = stored;
  if (hasProvider(stored)) return whyKindIsForgotten(stored, force);
  if (machineNames(stored.objects).length === 0) {
    return `cluster ${name} has no machines and would be forgotten here`;
  }
  const { spec } = readStored(stored);
  if (spec.register || !(force || spec.deletionPolicy === 'Orphan')) return undefined;
  return `cluster ${name} would be forgotten here with its keys and journal, and go on as it is`;
}

/** Asked of the object as it is kept: one whose machines were never named can't be read as a cluster. */
function hasProvider({ objects }: StoredCluster): boolean {
  return objects.some(
    ({ kind, spec }) => kind === 'KubeCluster' && isJsonObject(spec) && spec['provider'] !== undefined,
  );
}

/** Its nodes are containers: it has no KubeMachines, and still something to delete. */
function whyKindIsForgotten(stored: StoredCluster, force: boolean): string | undefined {
  const { spec } = readStored(stored);
  if (spec.register || !(force || spec.deletionPolicy === 'Orphan')) return undefined;
  return `cluster ${stored.name} would be forgotten here with its kubeconfig and journal, and its containers run on`;
}

async function deleteOne(
  stored: StoredCluster,
  { force = false, forgetUnreachable = [] }: DeleteFlags,
  { place, agreement }: { readonly place: WorkPlace; readonly agreement: Agreement },
) {
  const read = readStored(stored);
  const cluster: ReadCluster = force ? { ...read, spec: { ...read.spec, deletionPolicy: 'Orphan' } } : read;
  const { name } = cluster.spec;
  const isReset = cluster.spec.deletionPolicy === 'Reset';
  await agree(
    name,
    cluster.kind && isReset
      ? `the containers of cluster ${name} would be deleted, and all that is in it is gone`
      : isReset
        ? `every machine of cluster ${name} would be reset (${cluster.spec.machines.map((machine) => machine.name).join(', ')}), and all that is in it is gone`
        : `cluster ${name} would be forgotten here with its keys and journal, and go on as it is`,
    agreement,
  );
  await using work = await openWork(cluster, place, { leaving: await leavingOf(cluster, place.state) });
  const outcome = await workOn(work, {
    cluster: name,
    goal: { kind: 'delete', ...(forgetUnreachable.length > 0 && { forgetUnreachable }) },
    // The whole of it was agreed to already.
    agreement: { isGiven: true, ask: undefined },
    stops: place.stops,
  });
  return { outcome, isReset };
}
