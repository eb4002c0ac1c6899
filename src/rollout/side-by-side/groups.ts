import { revisionLabel, rolloutLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import type { RolloutView } from '../mode.ts';
import { wholeOf } from '../plan/side-by-side/index.ts';
import { shareOf } from '../plan/steps/index.ts';
import type { TrafficGroups } from '../traffic/index.ts';
import type { Look } from './look.ts';
import type { Site } from './site.ts';

export function podsOf({ label }: Site, revision: string): string {
  return `${rolloutLabel}=${label},${revisionLabel}=${revision}`;
}

/** The pods of both revisions, and how many of each workload must keep traffic. */
export function groupsOf(site: Site, { contender, plan }: RolloutView, look: Look): TrafficGroups {
  return {
    contender: podsOf(site, contender.hash),
    incumbent: look.incumbent === undefined ? undefined : podsOf(site, look.incumbent),
    all: `${rolloutLabel}=${site.label}`,
    workloads: look.contender.workloads.map(({ kind, name, podLabels, replicas }) => {
      const totals = [...look.contenderWorkloads, ...look.incumbentWorkloads]
        .filter(({ seen }) => seen.kind === kind && seen.name === name)
        .map(({ seen }) => wholeOf(seen));
      const total = totals.length > 0 ? Math.min(...totals) : replicas;
      return { podLabels, promised: shareOf(total, plan.minHealthyPercent) };
    }),
  };
}
