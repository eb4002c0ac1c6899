import type { ClusterPlan, ReadCluster, RunResult } from '../../provision/index.ts';
import type { ApplyFlags } from '../commands/cluster.ts';
import { interruptSignal, printData, readOutput } from '../host-options.ts';
import { createProgress } from '../progress.ts';
import { chooseClusters } from './choose-clusters.ts';
import { keepCluster, keepSecrets } from './load-clusters.ts';
import { leavingOf, openWork, type WorkPlace } from './open-work.ts';
import { renderPlan } from './render-plan.ts';
import { openState } from './state-place.ts';

interface Applied {
  readonly cluster: string;
  readonly plan: ClusterPlan;
  readonly result: RunResult | undefined;
  readonly tookMs: number;
}

/** Brings clusters to what their file says, side by side. Exit code 1: one of them did not get there. */
export async function runClusterApply(name: string | undefined, flags: ApplyFlags): Promise<number> {
  const format = readOutput(flags.output, ['json']);
  const state = openState(flags);
  const place = { state, flags, progress: createProgress(), signal: interruptSignal() };
  const clusters = await chooseClusters(name, flags, state);
  for (const cluster of clusters) await keepSecrets(cluster, state);
  const ends = await Promise.allSettled(
    clusters.map((cluster) => applyOne(cluster, flags.yes ?? false, place)),
  );
  const applied = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  if (format) await printData(applied.map(dataOf), format);
  else for (const each of applied) process.stdout.write(`${textOf(each)}\n`);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return applied.every(isThere) ? 0 : 1;
}

async function applyOne(cluster: ReadCluster, consent: boolean, place: WorkPlace): Promise<Applied> {
  const startedAtMs = performance.now();
  const leaving = await leavingOf(cluster, place.state);
  await using work = await openWork(cluster, leaving, place);
  const { plan, result } = await work.run(
    { kind: 'apply' },
    {
      consent,
      onPlan: (made) => {
        process.stderr.write(`${renderPlan(cluster.spec.name, made)}\n\n`);
      },
    },
  );
  const applied = { cluster: cluster.spec.name, plan, result, tookMs: performance.now() - startedAtMs };
  // Machines that are leaving stay known until they have left.
  if (leaving.length === 0 || isThere(applied)) await keepCluster(cluster, place.state);
  return applied;
}

function isThere({ plan, result }: Pick<Applied, 'plan' | 'result'>): boolean {
  return plan.refusals.length === 0 && (result === undefined || result.isComplete);
}

function dataOf({ cluster, plan, result, tookMs }: Applied): unknown {
  return {
    cluster,
    isComplete: isThere({ plan, result }),
    tookMs: Math.round(tookMs),
    refusals: plan.refusals,
    warnings: plan.warnings,
    steps: result?.steps.map(({ step: { id }, end }) => ({ id, ...end })) ?? [],
  };
}

function textOf({ cluster, plan, result, tookMs }: Applied): string {
  if (plan.refusals.length > 0) return `✗ cluster ${cluster}: nothing was changed`;
  if (!result) return `✓ cluster ${cluster} is as it should be`;
  if (result.isComplete) {
    return [
      `✓ cluster ${cluster} is as it should be, after ${Math.round(tookMs / 1000)} s`,
      `  hansa cluster kubeconfig ${cluster} > ${cluster}.kubeconfig`,
    ].join('\n');
  }
  const bad = result.steps.flatMap(({ step, end }) =>
    end.kind === 'failed' || end.kind === 'blocked' ? [`  ${step.id}: ${end.message} [${end.reason}]`] : [],
  );
  const left = result.steps.filter(({ end }) => end.kind === 'not-started').length;
  return [
    `✗ cluster ${cluster} is not there yet; ${left} steps were not started. Apply again to go on where this ended.`,
    ...bad,
  ].join('\n');
}
