import { type Json, type JsonObject, isJsonObject } from '../../../base/index.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../../kube/index.ts';
import type { Originals } from './state.ts';
import { type GatedKind, isGatedKind } from './words.ts';

/**
 * Kubernetes reads this as "no deadline": a rollout that waits on purpose is not a failed one.
 */
const noDeadline = 2_147_483_647;

export type ArmingVerdict =
  | { readonly kind: 'fits' }
  /** Merge patch of the spec, and what stood there before. */
  | { readonly kind: 'change'; readonly spec: JsonObject; readonly before: JsonObject }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * What a workload's strategy must be while a rollout holds new pods back: Kubernetes may not remove an old pod for one
 * that only waits.
 */
export function armingOf(
  kind: GatedKind,
  spec: JsonObject,
  options: { readonly isSteered: boolean },
): ArmingVerdict {
  const refusal = refusalOf(kind, spec);
  if (refusal !== undefined) return { kind: 'refused', message: refusal };
  const field = strategyField(kind);
  const rolling = rollingOf(kind, spec);
  const maxSurge = surgeFor(rolling['maxSurge'], kind, options);
  const wanted: JsonObject = {
    [field]: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge } },
    ...(kind === 'Deployment' ? { progressDeadlineSeconds: noDeadline } : {}),
  };
  const isArmed =
    isNothing(rolling['maxUnavailable']) &&
    rolling['maxSurge'] === maxSurge &&
    (kind === 'DaemonSet' || spec['progressDeadlineSeconds'] === noDeadline);
  if (isArmed) return { kind: 'fits' };
  const before: JsonObject = {
    [field]: { type: 'RollingUpdate', rollingUpdate: rolling },
    ...(kind === 'Deployment' ? { progressDeadlineSeconds: spec['progressDeadlineSeconds'] ?? null } : {}),
  };
  return { kind: 'change', spec: wanted, before };
}

/** Merge patch of the spec that undoes the arming, unless somebody has changed it meanwhile: then theirs stands. */
export function disarmingOf(
  kind: GatedKind,
  spec: JsonObject,
  { values }: Originals,
): JsonObject | undefined {
  const change: Record<string, Json> = {};
  const field = strategyField(kind);
  if (isNothing(rollingOf(kind, spec)['maxUnavailable']) && values[field] !== undefined) {
    change[field] = values[field];
  }
  if (spec['progressDeadlineSeconds'] === noDeadline && values['progressDeadlineSeconds'] !== undefined) {
    change['progressDeadlineSeconds'] = values['progressDeadlineSeconds'];
  }
  return Object.keys(change).length > 0 ? change : undefined;
}

/**
 * For `Pins.patches` of a federated Deployment or DaemonSet: what arming sets, as propagation shall set it.
 * Empty for other kinds, and for strategies that are refused: then `gatedRefusal` says why.
 */
export function gatedPatches(
  template: JsonObject,
  { kind = 'Deployment', isSteered = false }: { readonly kind?: string; readonly isSteered?: boolean } = {},
): readonly { readonly path: string; readonly value: Json }[] {
  if (!isGatedKind(kind)) return [];
  const spec = isJsonObject(template['spec']) ? template['spec'] : {};
  if (refusalOf(kind, spec) !== undefined) return [];
  const rollingUpdate = {
    maxUnavailable: 0,
    maxSurge: surgeFor(rollingOf(kind, spec)['maxSurge'], kind, { isSteered }),
  };
  const strategy = { path: `/spec/${strategyField(kind)}`, value: { type: 'RollingUpdate', rollingUpdate } };
  return kind === 'Deployment'
    ? [strategy, { path: '/spec/progressDeadlineSeconds', value: noDeadline }]
    : [strategy];
}

/** Why a template can't be rolled out behind gates, in a sentence that names the mend; undefined if it can. */
export function gatedRefusal(kind: string, template: JsonObject): string | undefined {
  if (!isGatedKind(kind)) {
    return `mode Gated is for Deployments and DaemonSets, not for ${kind}: set spec.mode to InPlace`;
  }
  return refusalOf(kind, isJsonObject(template['spec']) ? template['spec'] : {});
}

function refusalOf(kind: GatedKind, spec: JsonObject): string | undefined {
  const strategy = spec[strategyField(kind)];
  const type = isJsonObject(strategy) ? strategy['type'] : undefined;
  if (kind === 'Deployment' && type === 'Recreate') {
    return 'strategy Recreate removes every old pod before the first new one, so nothing can be held back: set spec.strategy.type to RollingUpdate, or the rollout to mode InPlace';
  }
  if (kind === 'DaemonSet' && type === 'OnDelete') {
    return 'updateStrategy OnDelete leaves it to people which pods become new: set spec.updateStrategy.type to RollingUpdate, or the rollout to mode InPlace';
  }
  if (kind === 'DaemonSet' && usesHostPorts(spec)) {
    return 'its pods use ports of their node, so an old and a new one can never run there side by side: set the rollout to mode InPlace';
  }
  if (kind === 'Deployment' && spec['revisionHistoryLimit'] === 0) {
    return 'revisionHistoryLimit 0 throws away the old ReplicaSet that a way back needs: set it to 1 or more';
  }
  return undefined;
}

/** Who last wrote the strategy, so that it can be given back in that name. */
export function ownerOfStrategy(kind: GatedKind, workload: KubeObject): string | undefined {
  const entry = workload.metadata.managedFields?.find(({ fieldsV1, subresource }: ManagedFieldsEntry) => {
    const spec = fieldsV1?.['f:spec'];
    const strategy = isJsonObject(spec) ? spec[`f:${strategyField(kind)}`] : undefined;
    return subresource === undefined && isJsonObject(strategy) && strategy['f:rollingUpdate'] !== undefined;
  });
  return entry?.manager;
}

function strategyField(kind: GatedKind): 'strategy' | 'updateStrategy' {
  return kind === 'Deployment' ? 'strategy' : 'updateStrategy';
}

function rollingOf(kind: GatedKind, spec: JsonObject): JsonObject {
  const strategy = spec[strategyField(kind)];
  const rolling = isJsonObject(strategy) ? strategy['rollingUpdate'] : undefined;
  return isJsonObject(rolling) ? rolling : {};
}

/**
 * Steered traffic is given after capacity, and only then Kubernetes counts a new pod: so all of them must fit beside the
 * old ones. Those behind a gate take no room on a node.
 */
function surgeFor(
  given: Json | undefined,
  kind: GatedKind,
  { isSteered }: { readonly isSteered: boolean },
): Json {
  if (isSteered) return '100%';
  if (given === undefined) return kind === 'Deployment' ? '25%' : 1;
  return isNothing(given) ? 1 : given;
}

function isNothing(share: Json | undefined): boolean {
  return share === 0 || share === '0%' || share === '0';
}

function usesHostPorts(spec: JsonObject): boolean {
  const template = spec['template'];
  const pod = isJsonObject(template) ? template['spec'] : undefined;
  if (!isJsonObject(pod)) return false;
  const containers = Array.isArray(pod['containers']) ? (pod['containers'] as readonly Json[]) : [];
  return containers.some((container) => {
    const ports = isJsonObject(container) && Array.isArray(container['ports']) ? container['ports'] : [];
    return (ports as readonly Json[]).some(
      (port) => isJsonObject(port) && (Boolean(port['hostPort']) || pod['hostNetwork'] === true),
    );
  });
}
