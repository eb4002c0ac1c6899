import { HansaError, isJsonObject } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import { deleteMachine, type ReadCluster } from '../../provision/index.ts';
import { invalidOption, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { agree, agreementOf } from './agree.ts';
import type { WorkFlags } from './cluster-options.ts';
import { type KeptObjects, machineNames, markLeaving, nameOf } from './kept-objects.ts';
import { keepObjects, readStored } from './load-clusters.ts';
import { isThere, outcomeData, renderOutcome } from './outcome.ts';
import { applyOne } from './run-apply.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';
import { keptCluster, tellNotes, type VerbFlags, verbState } from './verb-state.ts';

export interface DeleteMachineOptions extends VerbFlags, WorkFlags {
  readonly ip?: string;
  readonly force?: boolean;
  readonly skipDrainDelete?: boolean;
  readonly drainTimeout?: string;
  readonly drainGracePeriod?: string;
  readonly drainDeleteLocalData?: boolean;
  readonly drainForce?: boolean;
}

/** One machine leaves its cluster and is reset; with `--force` it is only forgotten here. */
export async function runDeleteMachine(
  name: string | undefined,
  flags: DeleteMachineOptions,
): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  if (flags.skipDrainDelete) {
    throw invalidOption(
      '--skip-drain-delete is not offered, pods would not know that their machine goes: shorten the drain with --drain-timeout, --drain-grace-period 0 and --drain-force, or name a machine that is off with --forget-unreachable',
    );
  }
  const state = openState(flags);
  const stored = await keptCluster(flags, state);
  const result = deleteMachine(await verbState(stored, state), {
    ip: addressOf(stored.objects, name, flags.ip),
    force: flags.force,
    drainTimeout: flags.drainTimeout,
    drainGracePeriod: flags.drainGracePeriod === undefined ? undefined : Number(flags.drainGracePeriod),
    drainDeleteLocalData: flags.drainDeleteLocalData,
    drainForce: flags.drainForce,
  });
  const { machine, drain } = result;
  tellNotes(result.notes);
  const stops = stopSignals();
  const agreement = agreementOf(flags.yes ?? false, stops.signal);
  if (result.isForgottenOnly) {
    await agree(
      stored.name,
      `machine ${machine} would be forgotten here, and nothing done about it`,
      agreement,
    );
    await keepObjects(stored, result.objects, state);
    process.stdout.write(`✓ machine ${machine} is forgotten\n`);
    return 0;
  }
  if (machineNames(result.objects).length === 0) {
    throw new HansaError(
      `${machine} is the last machine of cluster ${stored.name}: delete the cluster with "hansa cluster delete ${stored.name}"`,
      { reason: 'LastControlPlane', retry: 'never' },
    );
  }
  const at = new Date(systemClock.now()).toISOString();
  const read = readStored({ ...stored, objects: markLeaving(stored.objects, machine, at) });
  const cluster = drain ? withDrain(read, givenOf(drain, flags)) : read;
  const outcome = await applyOne(
    cluster,
    { state, flags, progress: createProgress(), stops },
    { agreement, flags },
  );
  if (format) await printData({ ...(outcomeData(outcome) as object), machine }, format);
  else {
    process.stdout.write(
      `${renderOutcome(outcome, {
        done: `machine ${machine} has left cluster ${stored.name}, after ${Math.round(outcome.tookMs / 1000)} s`,
        nothing: `machine ${machine} is not in cluster ${stored.name} any more`,
        again: `hansa delete machine ${machine} --cluster ${stored.name}`,
        width: process.stdout.columns,
      })}\n`,
    );
  }
  return isThere(outcome) ? 0 : 1;
}

/** By `--ip`, or by its name. */
function addressOf(objects: KeptObjects, name: string | undefined, ip: string | undefined): string {
  if ((name === undefined) === (ip === undefined)) {
    throw invalidOption('say which machine: its name, or --ip ADDRESS');
  }
  if (ip !== undefined) return ip;
  const machine = objects.find((object) => object['kind'] === 'KubeMachine' && nameOf(object) === name);
  const spec = isJsonObject(machine?.['spec']) ? machine['spec'] : {};
  const address = spec['host'] ?? spec['internalAddress'];
  if (typeof address === 'string') return address;
  throw new HansaError(
    `there is no machine ${name}: there are ${machineNames(objects).join(', ') || 'none'}`,
    {
      reason: 'NotFound',
      retry: 'never',
    },
  );
}

type Drain = ReadCluster['spec']['rollout']['drain'];

/** Only what was said: the rest is as the cluster has it. */
function givenOf(drain: Drain, flags: DeleteMachineOptions): Partial<Drain> {
  return {
    ...(flags.drainTimeout !== undefined && { timeoutMs: drain.timeoutMs }),
    ...(flags.drainGracePeriod !== undefined && { gracePeriodSeconds: drain.gracePeriodSeconds }),
    ...(flags.drainDeleteLocalData && { deleteEmptyDirData: true }),
    ...(flags.drainForce && { force: true }),
  };
}

/** For this run alone; what is kept of the cluster stays as it is. */
function withDrain(cluster: ReadCluster, drain: Partial<Drain>): ReadCluster {
  const { rollout } = cluster.spec;
  return {
    ...cluster,
    spec: { ...cluster.spec, rollout: { ...rollout, drain: { ...rollout.drain, ...drain } } },
  };
}
