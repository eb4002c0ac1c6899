import { HansaError } from '../../base/index.ts';
import type { ApiClient, KubeObject, ListOptions, ResourceType } from '../../kube/index.ts';
import type { ModeCall } from '../mode.ts';

const type = (group: string, kind: string, plural: string): ResourceType => ({
  group,
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

export const trafficTypes = {
  pod: type('', 'Pod', 'pods'),
  service: type('', 'Service', 'services'),
  endpointSlice: type('discovery.k8s.io', 'EndpointSlice', 'endpointslices'),
  httpRoute: type('gateway.networking.k8s.io', 'HTTPRoute', 'httproutes'),
} as const;

/** One rollout in one member, as a router sees it. */
export interface TrafficSite {
  readonly client: ApiClient;
  readonly signal: AbortSignal;
  readonly namespace: string;
  readonly rollout: string;
  /** `namespace shop of member m1`, for messages. */
  readonly where: string;
}

/** @throws HansaError Unreachable */
export function trafficSite({ rollout, member, signal }: ModeCall): TrafficSite {
  if (!member.client) {
    throw new HansaError(`member ${member.name} can't be reached: mend its cluster object first`, {
      reason: 'Unreachable',
    });
  }
  return {
    client: member.client,
    signal,
    namespace: rollout.namespace,
    rollout: rollout.name,
    where: `namespace ${rollout.namespace} of member ${member.name}`,
  };
}

export async function listAll(
  { client, namespace, signal }: TrafficSite,
  kind: ResourceType,
  options: ListOptions = {},
): Promise<readonly KubeObject[]> {
  const items: KubeObject[] = [];
  for await (const page of client.list(kind, { ...options, namespace, signal })) {
    // Items of a list come without kind and apiVersion.
    items.push(...page.items.map((item) => ({ ...item, kind: kind.kind })));
  }
  return items;
}

/** An answer that something is not there (any more) is no failure. */
export async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof HansaError && ['NotFound', 'NamespaceNotFound'].includes(error.reason)))
      throw error;
  }
}

/** Not a failure: look again soon. */
export function notYet(message: string): HansaError {
  return new HansaError(message, { reason: 'WaitingForTraffic', retry: { afterMs: 500 } });
}
