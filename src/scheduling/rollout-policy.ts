import { type LabelSelector, matchesSelector } from './label-selector.ts';

/** What of a RolloutPolicy says which federated objects it is for. */
export interface AppliesTo {
  readonly kinds?: readonly string[];
  readonly selector?: LabelSelector;
}

/** Tells whether a policy is for a federated object that doesn't name it; without `appliesTo` it is for none. */
export function policyApplies(
  appliesTo: AppliesTo | undefined,
  object: { readonly kind: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (!appliesTo) return false;
  const { kinds, selector } = appliesTo;
  return (
    (kinds === undefined || kinds.includes(object.kind)) &&
    (selector === undefined || matchesSelector(selector, object.labels))
  );
}
