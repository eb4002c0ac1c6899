import { type Clock, HansaError, type Logger, type Progress, type Rng } from '../../base/index.ts';
import type { ConnectMachine } from '../access/connect-machine.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { Observed } from '../plan/facts.ts';
import { planApply, planDelete } from '../plan/plan-apply.ts';
import type { Plan } from '../plan/steps.ts';
import { executors } from '../steps/index.ts';
import { lockMachine, type Redactor } from '../transport/index.ts';
import type { BundleSource, ClusterStore } from './executor.ts';
import { lookAtCluster } from './look-at-cluster.ts';
import { MachineGroup } from './machine-group.ts';
import { type RunResult, runPlan } from './run-plan.ts';

export interface ClusterWorkOptions {
  readonly spec: ClusterSpec;
  /** Machines that were in the cluster and are no more in its spec. */
  readonly leaving: readonly MachineSpec[];
  readonly store: ClusterStore;
  readonly connect: ConnectMachine;
  /** Needed once programs are to be installed. */
  readonly bundle: (BundleSource & { readonly versions?: readonly string[] }) | undefined;
  /** Who works, such as `alice@laptop (pid 4711)`. */
  readonly owner: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
}

export type Goal = 'apply' | 'delete';

/** Steps at once, over all machines. */
const concurrency = 8;

/** One cluster, and everything that is done with it from one home. Holds connections: dispose of it. */
export class ClusterWork implements AsyncDisposable {
  readonly #options: ClusterWorkOptions;
  readonly #group: MachineGroup;

  constructor(options: ClusterWorkOptions) {
    this.#options = options;
    this.#group = new MachineGroup(options);
  }

  /** Reads only. */
  async look(): Promise<Observed> {
    const { spec, signal } = this.#options;
    const machines = await this.#group.look(signal);
    return { machines, cluster: await lookAtCluster(spec, machines, this.#group, signal), others: [] };
  }

  async plan(goal: Goal, observed?: Observed): Promise<Plan> {
    const { spec, store, leaving, bundle } = this.#options;
    const seen = observed ?? (await this.look());
    if (goal === 'delete') return planDelete(spec, seen);
    return planApply(spec, seen, await store.journal(), {
      leaving,
      available: bundle?.versions ?? (bundle ? [bundle.version] : []),
    });
  }

  /**
   * Looks, plans and does, under the cluster's lock and that of each machine.
   * @throws HansaError Locked, NeedsConsent, BundleMissing
   */
  async run(
    goal: Goal,
    { consent, onPlan }: { readonly consent: boolean; readonly onPlan?: (plan: Plan) => void },
  ): Promise<{ readonly plan: Plan; readonly result: RunResult | undefined }> {
    const { spec, store, owner, signal } = this.#options;
    await using lock = await store.lock(owner, signal);
    const observed = await this.look();
    const plan = await this.plan(goal, observed);
    onPlan?.(plan);
    if (plan.refusals.length > 0 || plan.steps.length === 0) return { plan, result: undefined };
    this.#check(plan, consent);
    const operation = `${goal}-${new Date(this.#options.clock.now()).toISOString()}`;
    await using locks = new AsyncDisposableStack();
    const lost: AbortSignal[] = [lock.lost];
    for (const name of machinesOf(plan)) {
      const { transport } = this.#group.machine(name);
      const held = await lockMachine(transport, { owner, operation: `${goal} ${spec.name}`, signal });
      locks.use(held);
      lost.push(held.lost);
    }
    const { bundle = emptyBundle, ...rest } = this.#options;
    const result = await runPlan(plan, {
      ...rest,
      bundle,
      sight: observed.cluster,
      group: this.#group,
      executors,
      operation,
      concurrency,
      signal: AbortSignal.any([signal, ...lost]),
    });
    return { plan, result };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group[Symbol.asyncDispose]();
  }

  #check({ steps }: Plan, consent: boolean): void {
    const destructive = steps.filter(({ isDestructive }) => isDestructive);
    if (destructive.length > 0 && !consent) {
      throw new HansaError(
        `${destructive.map(({ machine, title }) => `${machine ?? 'the cluster'}: ${title}`).join(', ')} takes data or machines away: say --yes to agree`,
        { reason: 'NeedsConsent', retry: 'never' },
      );
    }
    if (
      !this.#options.bundle &&
      steps.some(({ kind }) => kind === 'load-bundle' || kind.startsWith('upgrade'))
    ) {
      throw new HansaError(
        'programs and images are to be installed, and there is no bundle: name one with --bundle, or in spec.bundle.path ("hansa bundle create" makes it)',
        { reason: 'BundleMissing', retry: 'never' },
      );
    }
  }
}

function machinesOf({ steps }: Plan): readonly string[] {
  return [...new Set(steps.flatMap(({ machine }) => machine ?? []))].toSorted();
}

/** For plans that install nothing. */
const emptyBundle: BundleSource = {
  version: '',
  items: () => [],
  open: () => {
    throw new HansaError('there is no bundle', { reason: 'BundleMissing', retry: 'never' });
  },
  text: (name) =>
    Promise.reject(
      new HansaError(`there is no bundle to take ${name} from: name one with --bundle`, {
        reason: 'BundleMissing',
        retry: 'never',
      }),
    ),
};
