import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';

export const gateKinds = [
  'prometheus',
  'webhook',
  'job',
  'approval',
  'window',
  'room',
  'ready',
] as const satisfies readonly (keyof Gate)[];

export type GateKind = (typeof gateKinds)[number];

/** What a gate asks. The schema makes sure that exactly one is set; one with none asks only for readiness. */
export function kindOf(gate: Gate): GateKind {
  return gateKinds.find((kind) => gate[kind] !== undefined) ?? 'ready';
}
