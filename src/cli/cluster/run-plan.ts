import type { ApplyFlags } from '../commands/cluster.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { chooseClusters } from './choose-clusters.ts';
import { keepSecrets } from './load-clusters.ts';
import { leavingOf, openWork } from './open-work.ts';
import { renderPlan } from './render-plan.ts';
import { openState } from './state-place.ts';

/** Looks at the machines and shows what apply would do. Exit code 0: nothing or something to do; 1: it is refused. */
export async function runClusterPlan(name: string | undefined, flags: ApplyFlags): Promise<number> {
  const format = readOutput(flags.output, ['json', 'yaml']);
  const state = openState(flags);
  const place = { state, flags, progress: createProgress(), signal: interruptSignal() };
  const plans = [];
  for (const cluster of await chooseClusters(name, flags, state)) {
    await keepSecrets(cluster, state);
    await using work = await openWork(cluster, await leavingOf(cluster, state), place);
    plans.push({ cluster: cluster.spec.name, ...(await work.plan({ kind: 'apply' })) });
  }
  if (format) await printData(plans, format);
  else process.stdout.write(`${plans.map((plan) => renderPlan(plan.cluster, plan)).join('\n\n')}\n`);
  return plans.some(({ refusals }) => refusals.length > 0) ? 1 : 0;
}
