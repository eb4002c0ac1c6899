import { HansaError } from '../../base/index.ts';
import { systemClock } from '../../kube/index.ts';
import type { ClusterSpec } from '../../provision/index.ts';
import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { againText } from './again-text.ts';
import { agreementOf } from './agree.ts';
import { checkMachines } from './check-machines.ts';
import type { WorkFlags } from './cluster-options.ts';
import { markLeaving, unmarkLeaving } from './kept-objects.ts';
import { findStored, readStored } from './load-clusters.ts';
import { isAway, isThere, type Outcome, outcomeData, renderAway, renderOutcome } from './outcome.ts';
import { applyOne } from './run-apply.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';

/**
 * One machine leaves its cluster, is reset, and joins anew: two applies.
 *
 * *Guarantees*: until it has left, it is kept as leaving, so the same command goes on where it was broken off; from then on
 * it is kept as a machine of the cluster, so that any apply lets it join.
 */
export async function runClusterReplace(name: string, machine: string, flags: WorkFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const stops = stopSignals();
  const stored = await findStored(name, flags.namespace, state);
  const whole = readStored({ ...stored, objects: unmarkLeaving(stored.objects, machine) });
  checkMachines(whole.spec, [machine]);
  const place = { state, flags, progress: createProgress(), stops };
  const wish = { agreement: agreementOf(flags.yes ?? false, stops.signal), flags };
  const at = new Date(systemClock.now()).toISOString();
  refuseLastOne(whole.spec, machine);
  const objects = markLeaving(stored.objects, machine, at);
  const left = await applyOne(readStored({ ...stored, objects }), place, {
    ...wish,
    keptInTheEnd: unmarkLeaving(objects, machine),
  });
  const ends = [left];
  if (isThere(left)) ends.push(await applyOne(whole, place, { ...wish, flags: {} }));
  const last = ends.at(-1) ?? left;
  const isBack = isThere(last) && !isAway(last, machine);
  if (format) await printData(ends.map(outcomeData), format);
  else {
    const hasLeft = ends.length > 1;
    process.stdout.write(`${renderReplaced(last, { name: stored.name, machine, hasLeft, flags })}\n`);
  }
  return isBack ? 0 : 1;
}

function refuseLastOne({ name, machines }: ClusterSpec, machine: string): void {
  const planes = machines.filter(({ role }) => role === 'control-plane');
  if (planes.length > 1 || planes[0]?.name !== machine) return;
  throw new HansaError(
    `${machine} is the only control plane of cluster ${name}, and the cluster goes with it: add another one first, or take a backup, make the cluster anew and restore it`,
    { reason: 'LastControlPlane', retry: 'never' },
  );
}

interface Replaced {
  readonly name: string;
  readonly machine: string;
  readonly hasLeft: boolean;
  readonly flags: WorkFlags;
}

function renderReplaced(outcome: Outcome, { name, machine, hasLeft, flags }: Replaced): string {
  const width = process.stdout.columns;
  const apply = againText(`hansa cluster apply ${name}`, flags);
  if (isThere(outcome) && isAway(outcome, machine)) return renderAway(machine, apply, width);
  return renderOutcome(outcome, {
    done: `machine ${machine} has joined cluster ${name} anew`,
    nothing: `machine ${machine} is in cluster ${name}`,
    again: hasLeft ? apply : againText(`hansa cluster replace ${name} ${machine}`, flags),
    width,
  });
}
