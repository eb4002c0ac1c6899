import { impliedLabels, type Labels } from '../plan/traffic/index.ts';
import { listAll, type TrafficSite, trafficTypes } from './member-objects.ts';
import type { TrafficGroups } from './router.ts';

/** Labels of the pods, to find their Service by: as their workloads say, else as one of them has. */
export async function podLabelsOf(
  site: TrafficSite,
  { all, workloads }: Pick<TrafficGroups, 'all' | 'workloads'>,
): Promise<readonly Labels[]> {
  if (workloads) return workloads.map(({ podLabels }) => podLabels);
  const [pod] = await listAll(site, trafficTypes.pod, { labelSelector: all });
  return [{ ...impliedLabels(all), ...pod?.metadata.labels }];
}
