import { hashOf, type JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  entryManager,
  entryNames,
  type GatedState,
  type WebhookAddress,
  webhookConfiguration,
  webhookEntries,
} from '../plan/gated/index.ts';
import { kinds } from './kinds.ts';
import type { Look } from './look.ts';
import { orAbsent, type Site } from './site.ts';

/** Makes the member call the webhook for pods that are not of the stable revision. Writes a difference only. */
export async function ensureEntries(
  site: Site,
  { selector }: Pick<Look, 'selector'>,
  state: GatedState,
  address: WebhookAddress,
): Promise<void> {
  const wanted = webhookEntries({
    address,
    rollout: site.rollout,
    namespace: site.namespace,
    workload: { kind: site.kind, name: site.name, selector },
    stable: state.stable.hash,
    whenDown: site.whenDown,
    isSteered: site.isSteered,
  });
  const present = ownEntries(site, await readConfiguration(site));
  if (hashOf(byName(present)) === hashOf(byName(wanted))) return;
  await applyEntries(site, wanted);
}

/** The configuration itself goes with its last entry. */
export async function removeEntries(site: Site): Promise<void> {
  const found = await readConfiguration(site);
  if (!found) return;
  const left = ownEntries(site, found).length > 0 ? await applyEntries(site, []) : found;
  if (entriesOf(left).length > 0) return;
  const { uid, resourceVersion } = left.metadata;
  await orAbsent(
    site.client.remove(
      kinds.mutatingWebhooks,
      { name: webhookConfiguration },
      // Another rollout may add its entry at this moment; then the configuration stays.
      { signal: site.signal, body: { preconditions: { uid, resourceVersion } } },
    ),
  );
}

function readConfiguration({ client, signal }: Site): Promise<KubeObject | undefined> {
  return orAbsent(client.get(kinds.mutatingWebhooks, { name: webhookConfiguration }, { signal }));
}

function applyEntries(site: Site, webhooks: readonly JsonObject[]): Promise<KubeObject> {
  return site.client.apply(
    kinds.mutatingWebhooks,
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: webhookConfiguration },
      webhooks,
    },
    { fieldManager: entryManager(site), force: true, signal: site.signal },
  );
}

function ownEntries(site: Site, configuration: KubeObject | undefined): readonly JsonObject[] {
  const names = entryNames(site);
  return entriesOf(configuration).filter(({ name }) => typeof name === 'string' && names.includes(name));
}

function entriesOf(configuration: KubeObject | undefined): readonly JsonObject[] {
  return (configuration?.['webhooks'] ?? []) as readonly JsonObject[];
}

/** The server gives entries back in an order of its own. */
function byName(entries: readonly JsonObject[]): readonly JsonObject[] {
  return entries.toSorted((one, other) =>
    JSON.stringify(one['name']) < JSON.stringify(other['name']) ? -1 : 1,
  );
}
