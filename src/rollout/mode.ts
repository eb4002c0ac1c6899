import type { RolloutSpec } from '../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { KubeObject } from '../kube/index.ts';
import type { Member } from '../members/index.ts';
import type { MemberObserved, RolloutPlan, StageDecision } from './plan/steps/types.ts';

/** The content of one revision. */
export type RevisionContent =
  /** Of manifests and charts: the objects as they were rendered, without a suffix or label of ours. */
  | { readonly kind: 'objects'; readonly objects: readonly KubeObject[] }
  /** Of a federated object: propagation renders it; an executor only says which revision a member holds. */
  | { readonly kind: 'federated' }
  /** Of a workload that others edit in the member: its template there is the content. */
  | { readonly kind: 'workload' };

export interface Revision {
  /** Hash, 8 hex digits. */
  readonly hash: string;
  readonly number: number;
  readonly content: RevisionContent;
}

/** All that an executor needs to know of a rollout; plain data. */
export interface RolloutView {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly spec: RolloutSpec;
  readonly plan: RolloutPlan;
  readonly contender: Revision;
  readonly incumbent: Revision | undefined;
  /** The run is over, and `contender` is what everybody holds. */
  readonly isDone: boolean;
  /** What is rolled out in the members, for references: kind and name of the main workload or object. */
  readonly target: { readonly apiVersion: string; readonly kind: string; readonly name: string } | undefined;
}

export interface ModeCall {
  readonly rollout: RolloutView;
  readonly member: Member;
  readonly signal: AbortSignal;
}

/**
 * How one mode sees and moves one member. Every method can be repeated: it observes, and writes only a difference.
 *
 * Guarantees expected of each: `observe` writes nothing; `install` leaves the contender with no capacity and no
 * traffic (SideBySide), or held back (Gated), or is the whole change (InPlace); `set` changes the shares it is told
 * and nothing else; after `finish` the member has the contender alone and nothing of ours in the way; after
 * `putBack` it has the incumbent alone. A failure is a HansaError whose reason and message go into the status.
 */
export interface RolloutMode {
  /** Is called for every member of the rollout whenever the spec changed or the run is idle: gets ready for the next revision. */
  arm(call: ModeCall): Promise<void>;
  /**
   * Keeps what was last ordered: called before each `observe`, whatever the order is, while nothing moves too. For modes
   * whose pods Kubernetes re-makes in another state than they had.
   */
  tend?(call: ModeCall): Promise<void>;
  observe(call: ModeCall): Promise<MemberObserved>;
  install(call: ModeCall): Promise<void>;
  set(call: ModeCall, decision: Extract<StageDecision, { kind: 'set' }>): Promise<void>;
  /** The last step is reached everywhere it was to be: remove the incumbent's objects, gates, labels. */
  finish(call: ModeCall): Promise<void>;
  /** Reverted: the incumbent is whole again, so the contender's objects go. */
  putBack(call: ModeCall): Promise<void>;
  /** The Rollout is deleted or the member left its placement: nothing of ours stays in the way; workloads stay. */
  leave(call: ModeCall): Promise<void>;
}
