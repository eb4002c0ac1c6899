import { originalAnnotation, rolloutFieldManager } from '../../api/rollout.hansa.dev/v1alpha1/words.ts';
import { isJsonObject, type Json } from '../../base/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { kinds } from './resource-types.ts';
import type { Site } from './site.ts';

/** Whether a rollout holds an autoscaler still: the replicas are the rollout's. */
export function isHeld({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[originalAnnotation] !== undefined;
}

interface Bounds {
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

/**
 * Holds an autoscaler at so many replicas, and remembers between which it was.
 *
 * A minimum of nothing is not allowed; at no replicas an autoscaler rests whatever its bounds are.
 */
export async function holdAutoscaler(site: Site, autoscaler: KubeObject, replicas: number): Promise<void> {
  const bounds = boundsOf(autoscaler);
  const held = Math.max(1, replicas);
  if (isHeld(autoscaler) && bounds.minReplicas === held && bounds.maxReplicas === held) return;
  await patch(site, autoscaler, {
    ...(isHeld(autoscaler) ? {} : { annotations: { [originalAnnotation]: JSON.stringify(bounds) } }),
    spec: { minReplicas: held, maxReplicas: held },
  });
}

export async function releaseAutoscaler(site: Site, autoscaler: KubeObject): Promise<void> {
  if (!isHeld(autoscaler)) return;
  const original = originalOf(autoscaler);
  await patch(site, autoscaler, {
    annotations: { [originalAnnotation]: null },
    ...(original ? { spec: { minReplicas: original.minReplicas, maxReplicas: original.maxReplicas } } : {}),
  });
}

/** Replicas that an autoscaler would allow, next to a wish. */
export function withinBounds(autoscaler: KubeObject, replicas: number): number {
  const { minReplicas, maxReplicas } = boundsOf(autoscaler);
  return Math.min(Math.max(replicas, minReplicas), maxReplicas);
}

function boundsOf({ spec }: KubeObject): Bounds {
  const { minReplicas, maxReplicas } = isJsonObject(spec) ? spec : {};
  const min = typeof minReplicas === 'number' ? minReplicas : 1;
  return { minReplicas: min, maxReplicas: typeof maxReplicas === 'number' ? maxReplicas : min };
}

function originalOf({ metadata }: KubeObject): Bounds | undefined {
  try {
    const value: unknown = JSON.parse(metadata.annotations?.[originalAnnotation] ?? '');
    return isJsonObject(value) ? (value as unknown as Bounds) : undefined;
  } catch {
    return undefined;
  }
}

async function patch(
  { client, namespace, signal }: Site,
  { metadata: { name } }: KubeObject,
  {
    annotations,
    spec,
  }: { readonly annotations?: Readonly<Record<string, string | null>>; readonly spec?: Json },
): Promise<void> {
  const body = { ...(annotations ? { metadata: { annotations } } : {}), ...(spec ? { spec } : {}) };
  await client.patch(kinds.autoscaler, { namespace, name }, body, {
    type: 'merge',
    fieldManager: rolloutFieldManager,
    signal,
  });
}
