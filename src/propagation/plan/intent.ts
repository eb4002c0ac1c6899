import type { KubeObject } from '../../kube/index.ts';

/** What a member shall hold of one federated object, and why. Made anew from what is observed, never stored. */
export type Intent =
  | {
      readonly kind: 'present';
      readonly desired: KubeObject;
      readonly hash: string;
      readonly warnings: readonly string[];
      /** A rollout has the word: a difference is told, not mended. Whom that waits for, in a sentence. */
      readonly waits?: string;
    }
  | { readonly kind: 'absent'; readonly because: 'left-out' | 'deleted' }
  /** The object stays, but is Hansa's no more: its label goes. */
  | { readonly kind: 'released'; readonly because: 'orphaned' | 'no-federated-object' }
  /** Nothing may be decided now: what there is stays as it is. */
  | { readonly kind: 'held'; readonly because: string }
  /** This member's object can't be made from the spec; what there is stays as it is. */
  | {
      readonly kind: 'refused';
      readonly status: 'ComputeResourceFailed' | 'ApplyOverridesFailed' | 'RevisionNotFound';
      readonly message: string;
    };

/** What the member holds, as far as Hansa knows. */
export interface Observed {
  readonly uid: string;
  readonly deleting: boolean;
  readonly fields: string;
}

/** What was last found or put in place, from memory or from the federated object's status. */
export interface Known {
  /** `<hash of desired>.<digest of owned fields>` */
  readonly version: string;
  /** This process saw it itself; what a predecessor noted may lack its last write. */
  readonly firsthand: boolean;
}

export type Step =
  | { readonly kind: 'none'; readonly version?: string }
  /** Write without taking over what others own: the object is not known, so it may be someone else's. */
  | { readonly kind: 'create'; readonly desired: KubeObject; readonly hash: string }
  /** Write with force. `verify` first reads the object, since a predecessor may have written just that. */
  | { readonly kind: 'update'; readonly desired: KubeObject; readonly hash: string; readonly verify: boolean }
  | { readonly kind: 'delete'; readonly uid: string; readonly because: 'left-out' | 'deleted' }
  | { readonly kind: 'release'; readonly uid: string }
  | { readonly kind: 'await-removal' }
  | { readonly kind: 'await-rollout'; readonly message: string }
  | { readonly kind: 'refuse'; readonly status: string; readonly message: string };

/** The one step that brings a member from what is observed towards the intent; `none` when nothing differs. */
export function stepFor(intent: Intent, observed: Observed | undefined, known: Known | undefined): Step {
  switch (intent.kind) {
    case 'held':
      return { kind: 'none' };
    case 'refused':
      return { kind: 'refuse', status: intent.status, message: intent.message };
    case 'released':
      return observed ? { kind: 'release', uid: observed.uid } : { kind: 'none' };
    case 'absent':
      if (!observed) return { kind: 'none' };
      return observed.deleting
        ? { kind: 'await-removal' }
        : { kind: 'delete', uid: observed.uid, because: intent.because };
    case 'present':
      return heldBack(intent.waits, stepToPresent(intent, observed, known));
  }
}

function heldBack(waits: string | undefined, step: Step): Step {
  const isWrite = step.kind === 'create' || step.kind === 'update';
  return waits !== undefined && isWrite ? { kind: 'await-rollout', message: waits } : step;
}

function stepToPresent(
  { desired, hash }: Extract<Intent, { kind: 'present' }>,
  observed: Observed | undefined,
  known: Known | undefined,
): Step {
  if (!observed) return { kind: 'create', desired, hash };
  // Someone deletes it in the member: only when it is gone can it be made anew.
  if (observed.deleting) return { kind: 'await-removal' };
  const version = versionOf(hash, observed.fields);
  if (known?.version === version) return { kind: 'none', version };
  // Without fields of ours there is nothing a predecessor could have put in place: it is taken over.
  return { kind: 'update', desired, hash, verify: !known?.firsthand && observed.fields !== '' };
}

export function versionOf(hash: string, fields: string): string {
  return `${hash}.${fields}`;
}
