import { isJsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import type { RenderedRevision } from './render-revision.ts';

/**
 * A sentence where a Service of the new revision would no longer select the old revision's pods: it is shared and switched
 * before the new pods are there, so all traffic would be lost.
 */
export function lostSelector(contender: RenderedRevision, incumbent: RenderedRevision): string | undefined {
  for (const service of contender.shared.filter(isService)) {
    const before = incumbent.shared.find(
      (one) => isService(one) && one.metadata.name === service.metadata.name,
    );
    if (!before) continue;
    const lost = incumbent.workloads.find(
      ({ podLabels }) => selects(before, podLabels) && !selects(service, podLabels),
    );
    if (lost) {
      return `the new selector of Service ${service.metadata.name} no longer selects the pods of the old ${lost.kind} ${lost.name}, so it would lose all traffic at once: keep labels in the selector that both revisions have`;
    }
  }
  return undefined;
}

function isService({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === 'v1' && kind === 'Service';
}

function selects({ spec }: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  const selector = isJsonObject(spec) && isJsonObject(spec['selector']) ? spec['selector'] : undefined;
  if (!selector) return false;
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
