import { isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';
import { shareOf } from '../steps/index.ts';

/** On a StatefulSet: the percent of its pods that the step under way wants new. The partition itself is rounded. */
export const shareAnnotation = 'rollout.hansa.dev/share';

/** Tells whether a workload can have some pods new and others old: a StatefulSet that updates by itself. */
export function isStepped({ apiVersion, kind, ...object }: KubeObject): boolean {
  if (kind !== 'StatefulSet' || !apiVersion.startsWith('apps/')) return false;
  return strategyOf(object['spec'])['type'] !== 'OnDelete';
}

/** Pods that a StatefulSet has when whole; absent replicas are one. */
export function replicasOf(object: KubeObject): number {
  const { spec } = object as { readonly spec?: { readonly replicas?: number | null } };
  return spec?.replicas ?? 1;
}

/** Ordinals below this stay as they are: the new revision reaches the highest first. */
export function partitionFor(total: number, percent: number): number {
  return total - shareOf(total, percent);
}

/** The StatefulSet with so many percent of its pods let go to its newest revision. */
export function withShare(object: KubeObject, total: number, percent: number): KubeObject {
  const spec = (object['spec'] ?? {}) as JsonObject;
  const strategy = strategyOf(spec);
  const rollingUpdate = isJsonObject(strategy['rollingUpdate']) ? strategy['rollingUpdate'] : {};
  return {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, [shareAnnotation]: String(percent) },
    },
    spec: {
      ...spec,
      updateStrategy: {
        ...strategy,
        type: 'RollingUpdate',
        rollingUpdate: { ...rollingUpdate, partition: partitionFor(total, percent) },
      },
    },
  };
}

/** The percent that was last ordered; undefined where nothing was. */
export function shareOrdered({ metadata }: KubeObject): number | undefined {
  const text = metadata.annotations?.[shareAnnotation];
  const percent = Number(text);
  return text === undefined || !Number.isInteger(percent) ? undefined : percent;
}

function strategyOf(spec: unknown): JsonObject {
  const strategy = isJsonObject(spec) ? spec['updateStrategy'] : undefined;
  return isJsonObject(strategy) ? strategy : {};
}
