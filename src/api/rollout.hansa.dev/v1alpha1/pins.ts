import { hashOf, isJsonObject, type Json, type JsonObject } from '../../../base/index.ts';
import type { FederatedHub } from '../../hub.ts';

/**
 * Which revision of a federated object each cluster holds while a rollout decides that; JSON in the annotation
 * `rollout.hansa.dev/pins`. The rollout room writes it, propagation follows it.
 */
export interface Pins {
  /** Name of the Rollout; its RolloutRevisions are called `<rollout>-<revision>`. */
  readonly rollout: string;
  /** Revision by cluster name; `noRevision` holds what is there. */
  readonly members: Readonly<Record<string, string>>;
  /** Revision of the clusters not named: those that join or are placed later. */
  readonly others: string;
  /** Set in every cluster after the user's overrides, at JSON Pointers; for what a mode must hold still meanwhile. */
  readonly patches?: readonly { readonly path: string; readonly value: Json }[];
}

/** Pinned to this, a cluster gets nothing new: a first rollout has not come there, and there is nothing older. */
export const noRevision = '';

/** Undefined for an annotation that is none of ours: then nothing is known, and everything stays as it is. */
export function readPins(text: string | undefined): Pins | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { rollout, members, others, patches } = value;
  if (typeof rollout !== 'string' || typeof others !== 'string' || !isJsonObject(members)) return undefined;
  if (!Object.values(members).every((revision) => typeof revision === 'string')) return undefined;
  const list = Array.isArray(patches) ? patches.filter(isPatch) : [];
  return {
    rollout,
    members: members as Record<string, string>,
    others,
    ...(list.length > 0 ? { patches: list } : {}),
  };
}

function isPatch(value: Json): value is { readonly path: string; readonly value: Json } {
  return isJsonObject(value) && typeof value['path'] === 'string' && value['value'] !== undefined;
}

/** What of a federated object makes a revision: its template and overrides, without the numbers of replicas. */
export interface FederatedContent {
  readonly template: JsonObject;
  readonly overrides: FederatedHub['overrides'];
}

/** Scaling is no new revision, or each word of a ReplicaSchedulingPreference would start a rollout. */
export function federatedContent({
  template,
  overrides,
  overrideStyle,
}: Pick<FederatedHub, 'template' | 'overrides' | 'overrideStyle'>): FederatedContent {
  const replicasPath = overrideStyle === 'dotted' ? 'spec.replicas' : '/spec/replicas';
  const { spec } = template;
  const { replicas: _, ...rest } = isJsonObject(spec) ? spec : {};
  return {
    template: isJsonObject(spec) ? { ...template, spec: rest } : template,
    overrides: overrides
      .map((entry) => ({
        ...entry,
        clusterOverrides: entry.clusterOverrides.filter(({ path }) => path !== replicasPath),
      }))
      .filter(({ clusterOverrides }) => clusterOverrides.length > 0),
  };
}

/** Eight hex digits; the same content has the same revision, however often it comes back. */
export function revisionOf(content: unknown): string {
  return hashOf(content).slice(0, 8);
}
