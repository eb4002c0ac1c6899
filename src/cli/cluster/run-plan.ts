import { printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { chooseClusters } from './choose-clusters.ts';
import type { ApplyFlags } from './cluster-options.ts';
import { keepSecrets, leavingOf } from './load-clusters.ts';
import { openWork } from './open-work.ts';
import { renderPlan } from './render-plan.ts';
import { openState } from './state-place.ts';
import { stopSignals } from './stop-signals.ts';

/** Looks at the machines and shows what apply would do. Exit code 0: nothing or something to do; 1: it is refused. */
export async function runClusterPlan(name: string | undefined, flags: ApplyFlags): Promise<number> {
  const format = readOutput(flags.output, ['json', 'yaml']);
  const state = openState(flags);
  const place = { state, flags, progress: createProgress(), stops: stopSignals() };
  const { forgetUnreachable = [] } = flags;
  const plans = [];
  for (const cluster of await chooseClusters(name, flags, state)) {
    await keepSecrets(cluster, state);
    await using work = await openWork(cluster, place, {
      leaving: await leavingOf(cluster, state),
      bundle: true,
    });
    const plan = await work.plan({
      kind: 'apply',
      ...(forgetUnreachable.length > 0 && { forgetUnreachable }),
    });
    plans.push({ cluster: cluster.spec.name, ...plan });
  }
  if (format) await printData(plans, format);
  else {
    const look = { width: process.stdout.columns };
    process.stdout.write(`${plans.map((plan) => renderPlan(plan.cluster, plan, look)).join('\n\n')}\n`);
  }
  return plans.some(({ refusals }) => refusals.length > 0) ? 1 : 0;
}
