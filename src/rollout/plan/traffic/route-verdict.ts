import { isJsonObject, type JsonObject } from '../../../base/index.ts';
import type { KubeObject } from '../../../kube/index.ts';

export type RouteVerdict =
  | { readonly kind: 'accepted' }
  /** A gateway has not looked at the latest rules yet. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'refused'; readonly message: string };

/** What the gateways say of the latest rules. Where none has ever spoken there is nothing to wait for. */
export function judgeRoute(route: KubeObject): RouteVerdict {
  const status = route['status'];
  const parents = isJsonObject(status) && Array.isArray(status['parents']) ? status['parents'] : [];
  const conditions = parents.filter(isJsonObject).flatMap((parent) => conditionsOf(parent));
  const current = conditions.filter(
    ({ observedGeneration }) => observedGeneration === route.metadata.generation,
  );
  const bad = current.find(
    ({ type, status: value }) => (type === 'Accepted' || type === 'ResolvedRefs') && value === 'False',
  );
  if (bad) {
    const { reason, message } = bad as { readonly reason?: string; readonly message?: string };
    return { kind: 'refused', message: `${reason ?? 'without a reason'}: ${message ?? ''}`.trim() };
  }
  const told = conditions.filter(({ type }) => type === 'Accepted');
  const isWaiting = told.some(
    ({ observedGeneration, status: value }) =>
      observedGeneration !== route.metadata.generation || value !== 'True',
  );
  return { kind: isWaiting ? 'waiting' : 'accepted' };
}

function conditionsOf(parent: JsonObject): readonly JsonObject[] {
  const { conditions } = parent;
  return Array.isArray(conditions) ? conditions.filter(isJsonObject) : [];
}
