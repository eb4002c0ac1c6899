import { isJsonObject, type Json } from '../../../base/index.ts';

/** Gateway API's bound of a weight. */
const maxWeight = 1_000_000;

/**
 * Rules of an HTTPRoute in which each reference to one Service leads to others by weight.
 *
 * Backends beside it keep their proportion: its own weight is divided, so theirs is multiplied by the sum.
 */
export function steerRules(
  rules: readonly Json[],
  service: string,
  weights: Readonly<Record<string, number>>,
): readonly Json[] {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0) || 1;
  return rules.map((rule) => {
    if (!isJsonObject(rule) || !Array.isArray(rule['backendRefs'])) return rule;
    const refs = rule['backendRefs'] as readonly Json[];
    if (!refs.some((ref) => leadsTo(ref, service))) return rule;
    return {
      ...rule,
      backendRefs: refs.flatMap((ref): readonly Json[] => {
        if (!isJsonObject(ref)) return [ref];
        const own = typeof ref['weight'] === 'number' ? ref['weight'] : 1;
        const isOurs = leadsTo(ref, service);
        if (!isOurs) return [{ ...ref, weight: Math.min(maxWeight, own * sum) }];
        return Object.entries(weights).map(([name, weight]) => ({
          ...ref,
          name,
          weight: Math.min(maxWeight, own * weight),
        }));
      }),
    };
  });
}

/** How many rules lead to a Service. */
export function countRulesTo(rules: readonly Json[], service: string): number {
  return rules.filter(
    (rule) =>
      isJsonObject(rule) &&
      Array.isArray(rule['backendRefs']) &&
      (rule['backendRefs'] as readonly Json[]).some((ref) => leadsTo(ref, service)),
  ).length;
}

function leadsTo(ref: Json, service: string): boolean {
  return (
    isJsonObject(ref) &&
    ref['name'] === service &&
    (ref['kind'] ?? 'Service') === 'Service' &&
    (ref['group'] ?? '') === '' &&
    // A Service of another namespace is not the one whose pods are rolled out.
    ref['namespace'] === undefined
  );
}
