import { rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, isJsonObject, stableJson } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { equalityOf, type Labels } from '../plan/traffic/index.ts';
import { listAll, type TrafficSite, trafficTypes } from './member-objects.ts';

/** On the Services that we make for a route: the Rollout they belong to. */
const backendLabel = 'rollout.hansa.dev/backend-of';

/** A Service like the ordinary one, for the pods of one revision. */
export function backendService(
  { namespace, rollout }: TrafficSite,
  ordinary: KubeObject,
  { name, selector, base }: { readonly name: string; readonly selector: string; readonly base: Labels },
): KubeObject {
  const own = equalityOf(selector);
  if (!own) {
    throw new HansaError(
      `the pods' selector "${selector}" asks for more than equality, which a Service can't: set spec.traffic.provider to PodLabels`,
      { reason: 'InvalidSpec', retry: 'never' },
    );
  }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { [backendLabel]: rollout } },
    spec: { selector: { ...base, ...own }, ports: portsOf(ordinary) },
  };
}

/** Writes nothing where it is as it shall be. */
export async function ensureBackend(site: TrafficSite, service: KubeObject): Promise<void> {
  const { client, signal } = site;
  const live = (await listBackends(site)).find(({ metadata }) => metadata.name === service.metadata.name);
  const { selector } = (live?.['spec'] ?? {}) as { readonly selector?: Labels };
  const wanted = service['spec'] as { readonly selector: Labels; readonly ports: unknown };
  const isThere =
    live !== undefined &&
    stableJson(selector) === stableJson(wanted.selector) &&
    stableJson(portsOf(live)) === stableJson(wanted.ports);
  if (isThere) return;
  await client.apply(trafficTypes.service, service, {
    fieldManager: rolloutFieldManager,
    force: true,
    signal,
  });
}

export async function listBackends(
  site: TrafficSite,
  services?: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  const all = services ?? (await listAll(site, trafficTypes.service));
  return all.filter(({ metadata }) => metadata.labels?.[backendLabel] === site.rollout);
}

/** Without what belongs to the ordinary Service alone, such as a node port. */
function portsOf({ spec }: KubeObject): readonly Readonly<Record<string, string | number>>[] {
  const ports = isJsonObject(spec) && Array.isArray(spec['ports']) ? spec['ports'] : [];
  return ports.filter(isJsonObject).map(({ name, port, targetPort, protocol, appProtocol }) => {
    const entries = Object.entries({ name, port, targetPort, protocol, appProtocol });
    return Object.fromEntries(
      entries.filter(
        (entry): entry is [string, string | number] =>
          typeof entry[1] === 'string' || typeof entry[1] === 'number',
      ),
    );
  });
}
