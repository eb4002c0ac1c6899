import { HansaError } from '../base/index.ts';
import {
  type ApiClient,
  type CallOptions,
  type KubeObject,
  type ResourceType,
  secretType,
  systemClock,
} from '../kube/index.ts';
import { clusterRecord } from '../members/index.ts';
import { explained, tokenExpiresAtAnnotation } from '../members/join/index.ts';
import type { Member, MemberName } from '../scheduling/index.ts';
import type { DescribeFlags } from './commands/describe.ts';
import { type ClusterDescription, describeCluster, renderCluster } from './describe-cluster.ts';
import { describeFederated, type FederatedDescription, renderFederated } from './describe-federated.ts';
import { describePreference, type PreferenceDescription, renderPreference } from './describe-preference.ts';
import { describeRollout, type RolloutDescription, renderRollout } from './describe-rollout.ts';
import { recentEvents } from './event-row.ts';
import { invalidOption, openHost, printData } from './host-options.ts';
import { readKinds, shownKinds } from './kind-words.ts';
import { readObjects, type Selection } from './read-objects.ts';

export interface DescribeRequest {
  readonly kind: string;
  readonly name: string | undefined;
  readonly flags: DescribeFlags;
  readonly format: 'json' | 'yaml' | undefined;
  readonly signal: AbortSignal;
}

export type Description =
  | ({ readonly family: 'federated' } & FederatedDescription)
  | ({ readonly family: 'cluster' } & ClusterDescription)
  | ({ readonly family: 'preference' } & PreferenceDescription)
  | ({ readonly family: 'rollout' } & RolloutDescription);

/** Reads and prints. An object that is served in both groups under one name is shown twice. */
export async function runDescribe(request: DescribeRequest): Promise<void> {
  const host = await openHost(request.flags);
  try {
    const selection = selectionFrom(request, host.namespace);
    const reading = describeObjects(host.client, selection, { signal: request.signal });
    const descriptions = await explained(reading, 'the host', host.client);
    if (request.format)
      await printData(descriptions.length === 1 ? descriptions[0] : descriptions, request.format);
    else process.stdout.write(`${descriptions.map(renderDescription).join('\n\n')}\n`);
  } finally {
    await host.client.close();
  }
}

function selectionFrom(
  { kind, name, flags }: DescribeRequest,
  contextNamespace: string | undefined,
): Selection & { readonly name: string } {
  const asked = readKinds(kind);
  const wanted = asked.name ?? name;
  if (wanted === undefined || (asked.name !== undefined && name !== undefined)) {
    throw invalidOption('name one object: hansa describe KIND NAME');
  }
  return {
    kinds: asked.kinds,
    name: wanted,
    namespace: flags.namespace ?? contextNamespace ?? 'default',
    hostNamespace: flags.kubefedNamespace ?? flags.hostNamespace,
  };
}

/** Reads everything that tells about the objects of that name. */
export async function describeObjects(
  client: ApiClient,
  selection: Selection & { readonly name: string },
  call: CallOptions,
): Promise<readonly Description[]> {
  const found = await readObjects(client, selection, call);
  const nowMs = systemClock.now();
  const descriptions: Description[] = [];
  for (const { shown, objects } of found) {
    for (const object of objects) {
      const events = await eventsOf(client, object, call);
      switch (shown.family) {
        case 'federated': {
          const members = await membersOf(client, selection.hostNamespace, call);
          descriptions.push({
            family: 'federated',
            ...describeFederated({ object, members, events, nowMs }),
          });
          break;
        }
        case 'cluster': {
          const tokenExpiresAt = await tokenExpiryOf(client, object, call);
          const federated = await federatedObjects(client, selection.hostNamespace, call);
          const input = { object, tokenExpiresAt, federated, events, nowMs };
          descriptions.push({ family: 'cluster', ...describeCluster(input) });
          break;
        }
        case 'preference':
          descriptions.push({ family: 'preference', ...describePreference({ object, events, nowMs }) });
          break;
        case 'rollout':
          descriptions.push({ family: 'rollout', ...describeRollout({ object, events, nowMs }) });
          break;
      }
    }
  }
  return descriptions;
}

export function renderDescription(description: Description): string {
  switch (description.family) {
    case 'federated':
      return renderFederated(description);
    case 'cluster':
      return renderCluster(description);
    case 'preference':
      return renderPreference(description);
    case 'rollout':
      return renderRollout(description);
  }
}

async function membersOf(
  client: ApiClient,
  hostNamespace: string,
  call: CallOptions,
): Promise<readonly Member[]> {
  const kinds = shownKinds.filter(({ family }) => family === 'cluster');
  const listings = await readObjects(client, { kinds, hostNamespace }, call);
  return listings
    .flatMap(({ objects }) => objects)
    .map((object) => {
      const { name, labels, alias } = clusterRecord(object);
      return { name: name as MemberName, labels, ...(alias === undefined ? {} : { alias }) };
    });
}

async function federatedObjects(
  client: ApiClient,
  hostNamespace: string,
  call: CallOptions,
): Promise<readonly KubeObject[]> {
  const kinds = shownKinds.filter(({ family }) => family === 'federated');
  const listings = await readObjects(client, { kinds, hostNamespace }, call);
  return listings.flatMap(({ objects }) => objects);
}

const eventType: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** Without the right to read events, the rest is still worth showing. */
async function eventsOf(
  client: ApiClient,
  { metadata }: KubeObject,
  call: CallOptions,
): Promise<readonly KubeObject[]> {
  const events: KubeObject[] = [];
  try {
    const fieldSelector = `involvedObject.uid=${metadata.uid ?? ''}`;
    for await (const { items } of client.list(eventType, {
      ...call,
      namespace: metadata.namespace,
      fieldSelector,
    })) {
      events.push(...items);
    }
  } catch (error) {
    if (!(error instanceof HansaError) || error.reason !== 'Forbidden') throw error;
  }
  return recentEvents(events);
}

/** Only the Secret's metadata is read. */
async function tokenExpiryOf(
  client: ApiClient,
  object: KubeObject,
  call: CallOptions,
): Promise<string | undefined> {
  const { secretName } = clusterRecord(object);
  if (!secretName) return undefined;
  try {
    const ref = { namespace: object.metadata.namespace, name: secretName };
    const secret = await client.get(secretType, ref, { ...call, metadataOnly: true });
    return secret.metadata.annotations?.[tokenExpiresAtAnnotation];
  } catch (error) {
    if (error instanceof HansaError && ['NotFound', 'Forbidden'].includes(error.reason)) return undefined;
    throw error;
  }
}
