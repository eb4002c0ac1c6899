import { rolloutFieldManager, rolloutLabel } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { hashOf } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { type GatedState, readGatedState, writeGatedState } from '../plan/gated/index.ts';
import { kinds } from './kinds.ts';
import { orAbsent, type Site } from './site.ts';

/** What was noted in the member; undefined if nothing was, or nothing that can be read. */
export async function readState(site: Site): Promise<GatedState | undefined> {
  const { client, namespace, signal } = site;
  const found = await orAbsent(client.get(kinds.configMap, { namespace, name: stateName(site) }, { signal }));
  return readGatedState((found?.['data'] as { readonly state?: string } | undefined)?.state);
}

/** Writes a difference only. */
export async function writeState(
  site: Site,
  state: GatedState,
  before: GatedState | undefined,
): Promise<GatedState> {
  const { client, namespace, rollout, signal } = site;
  if (before && writeGatedState(before) === writeGatedState(state)) return before;
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: stateName(site),
      namespace,
      // A label value is shorter than a name may be.
      ...(rollout.length <= 63 ? { labels: { [rolloutLabel]: rollout } } : {}),
    },
    data: { state: writeGatedState(state) },
  };
  await client.apply(kinds.configMap, object, { fieldManager: rolloutFieldManager, force: true, signal });
  return state;
}

export async function removeState(site: Site): Promise<void> {
  const { client, namespace, signal } = site;
  await orAbsent(client.remove(kinds.configMap, { namespace, name: stateName(site) }, { signal }));
}

function stateName({ rollout }: Site): string {
  const name = `hansa-rollout-${rollout}`;
  return name.length <= 253 ? name : `hansa-rollout-${hashOf(rollout)}`;
}
