import { HansaError } from '../../base/index.ts';
import { type ClusterPlan, type Goal, needsBundle, type Work } from '../../provision/index.ts';
import { agree, type Agreement } from './agree.ts';
import { hang } from './hang.ts';
import type { Outcome } from './outcome.ts';
import { refusalText, renderPlan } from './render-plan.ts';
import type { StopSignals } from './stop-signals.ts';

export interface WorkWish {
  readonly cluster: string;
  readonly goal: Goal;
  readonly agreement: Agreement;
  readonly stops: StopSignals;
  /** Default true: none of its steps needs one. */
  readonly hasBundle?: boolean;
  /** Once, before the first step: what is meant is kept before anything is done for it. */
  readonly onBegin?: () => Promise<void>;
}

/**
 * One goal for one cluster: the plan is shown, agreed to, and carried out.
 *
 * *Guarantees*: whoever is asked to agree has seen the very plan that is carried out; the cluster is locked meanwhile.
 */
export async function workOn(work: Work, wish: WorkWish): Promise<Outcome> {
  const { cluster, goal, agreement, stops, hasBundle = true, onBegin } = wish;
  const startedAtMs = performance.now();
  let hasBegun = false;
  const { plan, result } = await work.run(goal, {
    // Agreed to below, with the plan in sight.
    consent: true,
    onPlan: async (made) => {
      // Steps of a further round don't start any more, so nobody needs to see them.
      if (stops.stopping.aborted) return;
      tellPlan(cluster, made);
      if (made.refusals.length > 0 || made.steps.length === 0) return;
      if (!hasBundle) refuseWithoutBundle(made);
      await agreeTo(cluster, made, agreement);
      if (hasBegun) return;
      hasBegun = true;
      await onBegin?.();
      stops.begin();
    },
  });
  return { cluster, plan, result, tookMs: performance.now() - startedAtMs };
}

/** What there is nothing to do about is told once, at the end. */
function tellPlan(cluster: string, plan: ClusterPlan): void {
  const width = process.stderr.columns;
  if (plan.steps.length > 0 || plan.refusals.length > 0) {
    process.stderr.write(`${renderPlan(cluster, plan, { width })}\n\n`);
    return;
  }
  for (const warning of plan.warnings) {
    process.stderr.write(`${hang('! ', refusalText(warning), width)}\n`);
  }
}

/** Before anything is kept of what was meant: the engine would refuse it too, but later. */
function refuseWithoutBundle(plan: ClusterPlan): void {
  if (!needsBundle(plan)) return;
  throw new HansaError(
    'programs and images are to be installed, and there is no bundle: name one with --bundle, or in spec.bundle.path ("hansa bundle create" makes it)',
    { reason: 'BundleMissing', retry: 'never' },
  );
}

async function agreeTo(cluster: string, { steps }: ClusterPlan, agreement: Agreement): Promise<void> {
  const destructive = steps.filter(({ isDestructive }) => isDestructive);
  if (destructive.length === 0) return;
  const what = destructive.map(({ machine, title }) => (machine ? `${machine}: ${title}` : title)).join(', ');
  await agree(cluster, `this takes data or machines away (${what})`, agreement);
}
