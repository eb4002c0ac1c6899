import type { RolloutSpec } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { RolloutPolicySpec } from '../../../api/rollout.hansa.dev/v1alpha1/rollout-policy.ts';
import { hashOf, stableJson } from '../../../base/index.ts';

/** On a Rollout that Hansa made: the RolloutPolicy that it follows. */
export const policyLabel = 'rollout.hansa.dev/policy';

/** A RolloutRevision's name is that of its Rollout and nine characters. */
const nameMax = 244;

/** `<kind>-<name>` of the federated object; one that is too long ends with a hash. */
export function policyRolloutName(kind: string, name: string): string {
  const whole = `${kind.toLowerCase()}-${name}`;
  return whole.length <= nameMax ? whole : `${whole.slice(0, nameMax - 9)}-${hashOf(whole).slice(0, 8)}`;
}

/** What the Rollout of one federated object says; people's commands stay theirs. */
export function policyRolloutSpec(
  { appliesTo: _, ...strategy }: RolloutPolicySpec,
  ref: { readonly apiVersion: string; readonly kind: string; readonly name: string },
): Omit<RolloutSpec, 'command'> {
  return { source: { federatedRef: ref }, ...strategy };
}

/** Tells whether a Rollout says already what its policy says. */
export function followsPolicy(
  { command: _, ...spec }: RolloutSpec,
  wanted: Omit<RolloutSpec, 'command'>,
): boolean {
  return stableJson(spec) === stableJson(wanted);
}
