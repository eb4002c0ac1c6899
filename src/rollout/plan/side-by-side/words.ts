import { hashOf } from '../../../base/index.ts';

/** On a workload in a member: what share was last ordered of how many replicas, JSON of `Capacity`. */
export const capacityAnnotation = 'rollout.hansa.dev/capacity';
/** On each object of a SideBySide rollout: hash of what was wanted there, so that a change of it is noticed. */
export const contentAnnotation = 'rollout.hansa.dev/content';

/** Values of labels have at most 63 characters, names of objects 253. */
const maxLabelLength = 63;

/** A Rollout's name as the value of a label: itself where it fits. */
export function labelValueOf(rollout: string): string {
  return rollout.length <= maxLabelLength
    ? rollout
    : `${rollout.slice(0, 54)}-${hashOf(rollout).slice(0, 8)}`;
}

/** Workloads of which two can stand side by side. */
export const steppedKinds = ['Deployment', 'ReplicaSet'] as const;
export type SteppedKind = (typeof steppedKinds)[number];

export function isStepped(kind: string): kind is SteppedKind {
  return (steppedKinds as readonly string[]).includes(kind);
}

export function versionedName(name: string, revision: string): string {
  return `${name}-${revision}`;
}

/** The name in the manifests of an object that carries a revision in its name. */
export function plainName(name: string, revision: string): string {
  return name.endsWith(`-${revision}`) ? name.slice(0, -revision.length - 1) : name;
}
