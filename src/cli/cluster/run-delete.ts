import type { ApplyFlags } from '../commands/cluster.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { findStored, keyOf, loadStored } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { renderPlan } from './render-plan.ts';
import { openState } from './state-place.ts';
import { HansaError } from '../../base/index.ts';

/** Lets go of a cluster, then forgets it. */
export async function runClusterDelete(name: string, flags: ApplyFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  await findStored(name, flags.namespace, state);
  const cluster = await loadStored(name, flags.namespace, state);
  if (!flags.yes) {
    throw new HansaError(
      cluster.spec.deletionPolicy === 'Reset'
        ? `every machine of cluster ${name} would be reset: say --yes to agree`
        : `cluster ${name} would be forgotten here with its keys, and go on as it is: say --yes to agree`,
      { reason: 'NeedsConsent', retry: 'never' },
    );
  }
  const place = { state, flags, progress: createProgress(), signal: interruptSignal() };
  await using work = await openWork(cluster, [], place);
  const { plan, result } = await work.run(
    { kind: 'delete' },
    {
      consent: true,
      onPlan: (made) => {
        process.stderr.write(`${renderPlan(name, made)}\n\n`);
      },
    },
  );
  const isGone = plan.refusals.length === 0 && (result === undefined || result.isComplete);
  if (isGone) await state.remove(keyOf(cluster));
  if (format) await printData({ cluster: name, isGone, refusals: plan.refusals }, format);
  else
    process.stdout.write(isGone ? `✓ cluster ${name} is forgotten\n` : `✗ cluster ${name} is still there\n`);
  return isGone ? 0 : 1;
}
