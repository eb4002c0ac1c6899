import type { MachineSpec } from '../cluster-spec.ts';
import type { MachineFacts, ReachOutcome } from '../facts.ts';
import type { Refusal } from '../steps.ts';

/** A machine of the cluster, as it was seen. */
export interface Candidate {
  readonly machine: MachineSpec;
  readonly facts: MachineFacts;
  /** It is no node yet: only then ports must be free, and leftovers are somebody else's. */
  readonly isNew: boolean;
}

export function about({ machine }: Candidate, reason: string, message: string, field?: string): Refusal {
  return { reason, machine: machine.name, field, message };
}

/** A run that broke off left files of kubeadm: what is taken on the machine may be its own. */
export function isBegun({ facts: { kubernetes } }: Candidate): boolean {
  return kubernetes.manifests.length > 0 || kubernetes.hasKubeletConfig;
}

/** Somebody has the address. */
export function isAnswer(outcome: ReachOutcome): boolean {
  return outcome === 'reached' || outcome === 'refused';
}

export function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
