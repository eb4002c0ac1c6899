import { rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { HansaError, isJsonObject, type JsonObject } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  armingOf,
  disarmingOf,
  type GatedState,
  hashLabels,
  ownerOfStrategy,
  type Originals,
} from '../plan/gated/index.ts';
import { workloadKinds } from './kinds.ts';
import type { Look } from './look.ts';
import type { Site } from './site.ts';

export function specOf(object: KubeObject): JsonObject {
  return isJsonObject(object['spec']) ? object['spec'] : {};
}

export interface Arming {
  readonly originals: Originals | undefined;
  /** Merge patch of the spec; undefined where nothing is to be changed. */
  readonly change: JsonObject | undefined;
}

/**
 * What must change in the workload, and what is to be remembered of it. A federated one is armed through its pins.
 * @throws HansaError InvalidSpec for a strategy that can't be held back
 */
export function planArming(site: Site, { workload }: Look, state: GatedState | undefined): Arming {
  const verdict = armingOf(site.kind, specOf(workload), site);
  if (verdict.kind === 'refused') {
    throw new HansaError(`${site.what}: ${verdict.message}`, { reason: 'InvalidSpec', retry: 'never' });
  }
  const known = state?.workload.uid === workload.metadata.uid ? state?.originals : undefined;
  if (!site.isEditedThere || verdict.kind === 'fits') return { originals: known, change: undefined };
  // Somebody who applies their file again sets it back, to what it was or to something new: that is what they want.
  const originals = { values: verdict.before, manager: ownerOfStrategy(site.kind, workload) };
  return { originals: known && isOurs(originals) ? known : originals, change: verdict.spec };
}

function isOurs({ manager }: Originals): boolean {
  return manager === rolloutFieldManager;
}

export async function arm(site: Site, change: JsonObject): Promise<void> {
  await patchSpec(site, change, rolloutFieldManager);
}

/** Puts back what stood there, in the name of who had written it, so that their next apply meets no conflict. */
export async function disarm(site: Site, { workload }: Look, state: GatedState): Promise<void> {
  if (!state.originals) return;
  const change = disarmingOf(site.kind, specOf(workload), state.originals);
  if (change) await patchSpec(site, change, state.originals.manager ?? rolloutFieldManager);
}

/** The pod template of the stable revision again, as `kubectl rollout undo` does it. */
export async function restoreTemplate(site: Site, look: Look, state: GatedState): Promise<void> {
  const version = look.versions.find(
    ({ metadata }) => metadata.labels?.[hashLabels[site.kind]] === state.stable.hash,
  );
  const template = version ? templateOf(site, version) : undefined;
  if (!template) {
    throw new HansaError(
      `${site.what}: Kubernetes has thrown away the old revision, so it can't be put back: apply the old version of the workload yourself`,
      { reason: 'SourceNotFound', retry: 'never' },
    );
  }
  await site.client.patch(
    workloadKinds[site.kind],
    site,
    [
      // An edit that came in between is not overwritten.
      { op: 'test', path: '/metadata/resourceVersion', value: look.workload.metadata.resourceVersion ?? '' },
      { op: 'replace', path: '/spec/template', value: template },
    ],
    { type: 'json', fieldManager: rolloutFieldManager, signal: site.signal },
  );
}

function templateOf(site: Site, version: KubeObject): JsonObject | undefined {
  const holder = site.kind === 'Deployment' ? version : (version['data'] as KubeObject | undefined);
  const { template } = (holder?.['spec'] ?? {}) as { readonly template?: JsonObject };
  if (!isJsonObject(template)) return undefined;
  const { $patch: _, ...rest } = template;
  const metadata = isJsonObject(rest['metadata']) ? rest['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  const { [hashLabels[site.kind]]: __, ...own } = labels;
  return { ...rest, metadata: { ...metadata, labels: own } };
}

async function patchSpec(site: Site, spec: JsonObject, fieldManager: string): Promise<void> {
  await site.client.patch(
    workloadKinds[site.kind],
    site,
    { spec },
    {
      type: 'merge',
      fieldManager,
      signal: site.signal,
    },
  );
}
