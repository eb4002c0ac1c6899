import { rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError } from '../../base/index.ts';
import type { ModeCall } from '../mode.ts';
import { capacityNote, wholeOf } from '../plan/side-by-side/index.ts';
import { shareOf } from '../plan/steps/index.ts';
import { divideTraffic, selects } from '../plan/traffic/index.ts';
import type { TrafficGroups, TrafficSeen } from '../traffic/index.ts';
import { holdAutoscaler } from './autoscalers.ts';
import { autoscalerOf, type LiveWorkload, type Look } from './look.ts';
import { workloadTypes } from './resource-types.ts';
import type { Site } from './site.ts';

type SideName = 'contender' | 'incumbent';

/**
 * Sets the share of one side: the first workload by name is written first, since its share counts as what was ordered.
 * Its autoscaler is moved before it, so that the two never pull in different directions.
 */
export async function orderCapacity(
  site: Site,
  look: Look,
  workloads: readonly LiveWorkload[],
  percent: number,
): Promise<void> {
  for (const workload of workloads) {
    const total = wholeOf(workload.seen);
    const replicas = shareOf(total, percent);
    const autoscaler = autoscalerOf(look, workload);
    if (autoscaler) await holdAutoscaler(site, autoscaler, replicas);
    const { capacity, replicas: before } = workload.seen;
    if (capacity?.percent === percent && capacity.total === total && before === replicas) continue;
    await site.client.patch(
      workloadTypes[workload.kind],
      { namespace: site.namespace, name: workload.object.metadata.name },
      { metadata: { annotations: capacityNote({ percent, total }) }, spec: { replicas } },
      { type: 'merge', fieldManager: rolloutFieldManager, signal: site.signal },
    );
  }
}

/**
 * Where traffic is divided over pods, a side may be left with too few of them for its share: then fewer pods would serve
 * than were promised, though enough are ready.
 * @throws HansaError WaitingForTraffic, with what to change
 */
export function refuseToStarve(
  { rollout }: ModeCall,
  look: Look,
  { workloads = [] }: TrafficGroups,
  traffic: TrafficSeen,
  capacity: { readonly contender?: number; readonly incumbent?: number },
): void {
  const { selector, contender, incumbent } = traffic;
  if (!selector || contender.percent === undefined) return;
  const behind = new Set(
    look.contender.workloads
      .filter(({ podLabels }) => selects(selector, podLabels))
      .map(({ kind, name }) => `${kind}/${name}`),
  );
  const left = (side: SideName, live: readonly LiveWorkload[]): number => {
    const percent = capacity[side];
    return live
      .filter(({ seen }) => behind.has(`${seen.kind}/${seen.name}`))
      .reduce((sum, { seen }) => {
        const stay =
          percent === undefined ? seen.ready : Math.min(seen.ready, shareOf(wholeOf(seen), percent));
        return sum + stay;
      }, 0);
  };
  const shares = { contender: contender.percent, incumbent: incumbent?.percent ?? 0 };
  const promised = workloads
    .filter(({ podLabels }) => selects(selector, podLabels))
    .reduce((sum, each) => sum + each.promised, 0);
  const serve = divideTraffic({
    pods: {
      contender: left('contender', look.contenderWorkloads),
      incumbent: left('incumbent', look.incumbentWorkloads),
    },
    shares,
    promised,
  });
  const after = serve.contender + serve.incumbent;
  const now = contender.withTraffic + (incumbent?.withTraffic ?? 0);
  if (after >= Math.min(promised, now)) return;
  throw new HansaError(
    `with traffic ${shares.contender} to ${shares.incumbent}, only ${after} pods would serve after that, and ${promised} are promised: ` +
      `give the step as much capacity as traffic on each side, or set spec.minHealthyPercent below ${rollout.plan.minHealthyPercent}`,
    { reason: 'WaitingForTraffic', retry: { afterMs: 2_000 } },
  );
}
