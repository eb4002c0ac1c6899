import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type {
  RolloutClusterStatus,
  RolloutGateStatus,
  RolloutStatus,
} from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

/** Shares in percent, 0 to 100. Absent traffic means that traffic goes as the pods do. */
export interface Numbers {
  readonly capacity: { readonly incumbent: number; readonly contender: number };
  readonly traffic?: { readonly incumbent: number; readonly contender: number };
}

export interface PlannedStep extends Numbers {
  readonly name: string;
  readonly pause: { readonly durationMs: number; readonly approval: boolean } | undefined;
  readonly gates: readonly Gate[];
}

export interface PlannedWave {
  readonly name: string;
  /** In the order in which they go. */
  readonly members: readonly string[];
  readonly maxConcurrent: number;
  readonly soakMs: number;
  readonly gates: readonly Gate[];
}

export type FailurePolicy = 'Pause' | 'AbortWave' | 'AbortAll' | 'SkipCluster';

/** The spec with defaults filled in and clusters resolved: all that the stepper needs of it. */
export interface RolloutPlan {
  readonly name: string;
  readonly namespace: string;
  readonly mode: 'SideBySide' | 'Gated' | 'InPlace';
  readonly steps: readonly PlannedStep[];
  readonly waves: readonly PlannedWave[];
  readonly progress: 'WaveMajor' | 'StepMajor' | 'Lockstep';
  readonly failurePolicy: FailurePolicy;
  readonly maxFailedClusters: number;
  readonly progressDeadlineMs: number;
  readonly unreachable: { readonly graceMs: number; readonly action: 'Wait' | 'Skip' | 'Fail' };
  readonly ignoreIncumbentHealth: boolean;
  readonly minHealthyPercent: number;
}

/** What people said, from spec.command. */
export interface Command {
  readonly paused: boolean;
  /** Revision to take back. */
  readonly abort: string | undefined;
  readonly retry: string | undefined;
  readonly targetStep: number | undefined;
  readonly promotions: readonly { readonly revision: string; readonly at: string; readonly by?: string }[];
}

/** One side of a workload in one member, as it is now. */
export interface Side {
  /** Share that was last ordered there, in percent; undefined where nothing was ordered yet. */
  readonly capacityPercent: number | undefined;
  /** Replicas wanted there now. */
  readonly desired: number;
  /** Ready replicas. */
  readonly ready: number;
  /** Everything that was ordered of capacity is there and ready, and nothing more. */
  readonly capacityReady: boolean;
  /** As capacityPercent and capacityReady, for traffic; undefined where traffic is not steered. */
  readonly trafficPercent: number | undefined;
  readonly trafficReady: boolean;
  /** Pods, or weight, with traffic. */
  readonly withTraffic: number;
}

/** What a mode's executor sees in one member. */
export type MemberObserved =
  | { readonly kind: 'unreachable'; readonly message: string }
  | {
      readonly kind: 'seen';
      /** Revision that the contender's objects there carry; the stable one before installation. */
      readonly revision: string | undefined;
      /** The contender's objects are in place (with whatever capacity was ordered). */
      readonly installed: boolean;
      readonly contender: Side;
      /** Absent where the member has no older revision: a first rollout. */
      readonly incumbent: Side | undefined;
      /** Replicas of the workload when whole. */
      readonly total: number;
      /** There are objects of yet another revision: a run that was given up while the member was away. */
      readonly leftovers?: boolean;
      /** Something that a person must mend: a refused write, a missing Service, a broken image. */
      readonly problem: { readonly reason: string; readonly message: string } | undefined;
      /** A sentence that belongs into the cluster's message, though nothing is refused and nobody must act. */
      readonly note?: string;
    };

/** The stages of one step in one member, in the order forward. */
export type Stage =
  | 'Installation'
  | 'ContenderCapacity'
  | 'ContenderTraffic'
  | 'IncumbentTraffic'
  | 'IncumbentCapacity';

/** The one thing to do next in one member. */
export type StageDecision =
  | { readonly kind: 'install' }
  /** Set shares: never raises and lowers at once. */
  | {
      readonly kind: 'set';
      readonly stage: Stage;
      readonly capacity?: Partial<Numbers['capacity']>;
      readonly traffic?: Partial<NonNullable<Numbers['traffic']>>;
    }
  | { readonly kind: 'wait'; readonly stage: Stage; readonly message: string }
  | { readonly kind: 'reached' };

/** What a member shall go to now. */
export type Order =
  /** Leave everything there as it is. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'go'; readonly step: number; readonly numbers: Numbers }
  /** Back to the stable revision: incumbent restored first, then the contender goes. */
  | { readonly kind: 'revert' };

/** A gate that shall be looked at now. */
export interface GateQuestion {
  readonly key: string;
  readonly gate: Gate;
  readonly scope: 'Cluster' | 'Wave' | 'Fleet';
  readonly wave: string;
  readonly step: number | undefined;
  readonly stepName: string | undefined;
  /** Cluster that is asked about; undefined for wider scopes. */
  readonly member: string | undefined;
  /** Clusters of the scope. */
  readonly members: readonly string[];
  /** Clusters of the fleet that have the new revision, and those that don't. */
  readonly rolled: readonly string[];
  readonly notRolled: readonly string[];
  /**
   * Another text whenever the gate is looked at anew (retry) and after each answer that counted: startedAt and the
   * number of answers so far. A Job is run once for each.
   */
  readonly attempt?: string;
}

export interface StepperInput {
  readonly plan: RolloutPlan;
  readonly revision: string;
  /** Undefined before the first completed run. */
  readonly stableRevision: string | undefined;
  /** The status as last written: where a killed controller left off. */
  readonly state: RolloutStatus;
  readonly command: Command;
  readonly observed: ReadonlyMap<string, MemberObserved>;
  /** Sentence of a RolloutBlock in the way, if any. */
  readonly blockedBy: string | undefined;
  readonly nowMs: number;
}

/** A change that people hear of: event, notification and metric. */
export interface Transition {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly member?: string;
  readonly wave?: string;
}

export interface StepperResult {
  readonly orders: ReadonlyMap<string, Order>;
  readonly questions: readonly GateQuestion[];
  /** The next status, whole; conditions included. Equal to the last one if nothing changed. */
  readonly status: RolloutStatus;
  readonly transitions: readonly Transition[];
  /** Look again after this at the latest (a pause or soak ends, a deadline passes). */
  readonly wakeAfterMs: number | undefined;
}

export type { RolloutClusterStatus, RolloutGateStatus, RolloutStatus };
