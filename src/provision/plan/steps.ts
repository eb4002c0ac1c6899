/** Everything the engine can do. One executor each, in `steps/`. */
export const stepKinds = [
  // A machine on its way into a cluster.
  'prepare-host',
  'load-bundle',
  'install-runtime',
  'install-kubernetes',
  'import-images',
  'set-endpoint',
  'init-control-plane',
  'clear-stale-member',
  'copy-pki',
  'join-control-plane',
  'join-worker',
  'fence-etcd',
  'apply-cni',
  'set-node',
  'verify-node',
  'verify-cluster',
  'store-kubeconfig',
  // Day two.
  'cordon-and-drain',
  'leave-etcd',
  'delete-node',
  'reset-machine',
  'snapshot-etcd',
  'upgrade-control-plane',
  'upgrade-worker',
  'uncordon',
  'renew-certificates',
  'set-static-pod-args',
  'set-sans',
  'restore-etcd',
  'register-member',
  'unregister-member',
] as const;
export type StepKind = (typeof stepKinds)[number];

/** Whether something is to be installed. */
export function needsBundle({ steps }: Pick<Plan, 'steps'>): boolean {
  return steps.some(({ kind }) => kind === 'load-bundle' || kind.startsWith('upgrade-'));
}

/** One step of a plan: plain data. */
export interface Step {
  /** `machine/kind`, or `cluster/kind`; unique in a plan. */
  readonly id: string;
  readonly kind: StepKind;
  /** undefined: a step of the cluster; it runs over a control plane that is well. */
  readonly machine: string | undefined;
  /** A few words for the tree: `join as control plane`. */
  readonly title: string;
  /** Why it is in the plan: `Node m2 does not exist`. */
  readonly reason: string;
  /** Ids of steps that must be done before. */
  readonly needs: readonly string[];
  /** What the executor needs to know beyond spec and facts; hashed into the journal. Never a secret. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Steps with the same word never run side by side: `etcd` for all that changes its membership. */
  readonly exclusive: string | undefined;
  /** After this step there is no way back but a restore; shown in the plan. */
  readonly isPointOfNoReturn: boolean;
  /** Data or machines may be lost: asks for consent. */
  readonly isDestructive: boolean;
}

export interface Refusal {
  /** Such as `QuorumAtRisk`, `DuplicateMachineId`. */
  readonly reason: string;
  readonly machine: string | undefined;
  /** Field of the spec it is about, such as `spec.network.pods`. */
  readonly field: string | undefined;
  /** What is wrong, with the arithmetic if there is some, and what to do. */
  readonly message: string;
}

export interface Plan {
  /** In an order that respects `needs`. Empty: all is as it should be. */
  readonly steps: readonly Step[];
  /** Any of them: nothing may be changed. */
  readonly refusals: readonly Refusal[];
  readonly warnings: readonly Refusal[];
}
