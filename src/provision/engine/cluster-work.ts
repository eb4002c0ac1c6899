import { type Clock, HansaError, type Logger, type Progress, type Rng } from '../../base/index.ts';
import type { ConnectMachine } from '../access/connect-machine.ts';
import { backupTime, type StoredBackup } from '../plan/backup.ts';
import { openTarget } from '../backup/open-target.ts';
import { connectS3 } from '../backup/s3-target.ts';
import { type CertificateSight, planRenewal } from '../plan/certificates.ts';
import { knownClusterUid } from '../plan/cluster-identity.ts';
import type { ClusterSpec, MachineSpec } from '../plan/cluster-spec.ts';
import type { Observed } from '../plan/facts.ts';
import { planApply, planDelete } from '../plan/plan-apply.ts';
import { planBackup } from '../plan/plan-backup.ts';
import { planRestore } from '../plan/restore.ts';
import { needsBundle, type Plan } from '../plan/steps.ts';
import { markGiven } from '../steps/given-certificates.ts';
import { executors } from '../steps/index.ts';
import { readCertificates } from '../steps/read-certificates.ts';
import { lockMachine, type Redactor } from '../transport/index.ts';
import { emptyBundle } from './empty-bundle.ts';
import type { BundleSource, ClusterStore } from './executor.ts';
import type { Goal } from './goal.ts';
import { lookAtCluster } from './look-at-cluster.ts';
import { MachineGroup } from './machine-group.ts';
import type { RegistrationSteps } from './registrar.ts';
import { type RunResult, runPlan } from './run-plan.ts';

export interface ClusterWorkOptions {
  readonly spec: ClusterSpec;
  /** Machines that were in the cluster and are no more in its spec. */
  readonly leaving: readonly MachineSpec[];
  readonly store: ClusterStore;
  readonly connect: ConnectMachine;
  /** Needed once programs are to be installed. Reading one takes a while, in which machines can be asked already. */
  readonly bundle: OfferedBundle | undefined | Promise<OfferedBundle | undefined>;
  /** undefined: there is no federation at hand, and what needs one is told so. */
  readonly registration?: RegistrationSteps;
  /** Closed with the work. */
  readonly held?: AsyncDisposable;
  /** Networks of clusters that are members already. */
  readonly others?: Observed['others'];
  /** Who works, such as `alice@laptop (pid 4711)`. */
  readonly owner: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly redactor: Redactor;
  /** Everything stops now. */
  readonly signal: AbortSignal;
  /** No further step starts; those under way come to their end. */
  readonly stopping?: AbortSignal;
}

export type OfferedBundle = BundleSource & { readonly versions?: readonly string[] };

export interface WorkOptions {
  /** Steps that take data or machines away may be done. */
  readonly consent: boolean;
  /** Names the run in the journal; default: the goal and the time. */
  readonly operation?: string;
  /** Before anything is done, once for each round. */
  readonly onPlan?: (plan: Plan) => void | Promise<void>;
}

export interface Worked {
  /** The last one. */
  readonly plan: Plan;
  /** Of all rounds; undefined: there was nothing to do, or it was refused. */
  readonly result: RunResult | undefined;
}

/** Steps at once, over all machines. */
const concurrency = 8;
/** A change comes in families (leave, upgrade, join), each with a plan of its own; more rounds than this don't converge. */
const roundsMost = 5;

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
    const { spec, store, signal, others = [] } = this.#options;
    const [machines, journal] = await Promise.all([this.#group.look(signal), store.journal()]);
    const known = knownClusterUid(journal);
    const cluster = await lookAtCluster(spec, machines, this.#group, { known, signal });
    return { machines, cluster, others };
  }

  /** Of all machines that `look` found. Works while the API is down. */
  async certificates(observed: Observed): Promise<readonly CertificateSight[]> {
    const { spec, store, signal } = this.#options;
    const seen = this.#group.specs.filter(({ name }) => observed.machines[name]?.kind === 'seen');
    const all = await Promise.all(
      seen.map(({ name }) => readCertificates(this.#group.machine(name), signal)),
    );
    return all.flat().map(await markGiven(spec, store.secrets));
  }

  /** What the target of the spec has of this cluster, newest first. @throws HansaError BackupTargetMissing */
  async backups(): Promise<readonly StoredBackup[]> {
    const { spec, store, signal } = this.#options;
    if (!spec.backup) {
      throw new HansaError(`cluster ${spec.name} names no place for backups: set spec.backup`, {
        reason: 'BackupTargetMissing',
        retry: 'never',
      });
    }
    const target = await openTarget(spec.backup, store.secrets, connectS3);
    const listed = await target.list({ signal });
    return listed
      .flatMap(({ name, sizeBytes }) => {
        const takenAt = backupTime(spec, name);
        return takenAt === undefined ? [] : [{ name, sizeBytes, takenAt }];
      })
      .toSorted((a, b) => b.takenAt - a.takenAt);
  }

  async plan(goal: Goal, observed?: Observed): Promise<Plan> {
    const { spec, store, leaving, clock } = this.#options;
    const seen = observed ?? (await this.look());
    const bundle = await this.#options.bundle;
    switch (goal.kind) {
      case 'apply':
        return planApply(spec, seen, await store.journal(), {
          leaving,
          hasHost: this.#options.registration !== undefined,
          available: bundle?.versions ?? (bundle ? [bundle.version] : []),
          ...(goal.forgetUnreachable && { forgetUnreachable: goal.forgetUnreachable }),
        });
      case 'delete':
        return planDelete(spec, seen, await store.journal(), {
          leaving,
          ...(goal.forgetUnreachable && { forgetUnreachable: goal.forgetUnreachable }),
        });
      case 'renew-certificates': {
        const { force, machines } = goal;
        const all = await this.certificates(seen);
        const chosen = machines ? all.filter(({ machine }) => machines.includes(machine)) : all;
        return planRenewal(spec, chosen, { now: clock.now(), force });
      }
      case 'back-up':
        return planBackup(spec, seen, goal.purpose);
      case 'restore':
        return planRestore(spec, seen, goal.wish);
    }
  }

  /**
   * Looks, plans and does, under the cluster's lock and that of each machine, until there is nothing left to do.
   * @throws HansaError Locked, NeedsConsent, BundleMissing
   */
  async run(goal: Goal, options: WorkOptions): Promise<Worked> {
    const { spec, store, owner, signal, clock } = this.#options;
    await using lock = await store.lock(owner, signal);
    const operation = options.operation ?? `${goal.kind}-${new Date(clock.now()).toISOString()}`;
    const rounds: RunResult[] = [];
    let before = '';
    for (;;) {
      const observed = await this.look();
      const plan = await this.plan(goal, observed);
      const ids = plan.steps.map(({ id }) => id).join(' ');
      const isOver = plan.steps.length === 0 || ids === before || rounds.length === roundsMost;
      // What refuses the next family of changes is told; what only comes again was done already.
      if (rounds.length === 0 || !isOver || plan.refusals.length > 0) await options.onPlan?.(plan);
      if (isOver || plan.refusals.length > 0) return { plan, result: inOne(rounds) };
      const bundle = await this.#options.bundle;
      this.#check(plan, { consent: options.consent, hasBundle: bundle !== undefined });
      await using locks = new AsyncDisposableStack();
      const lost: AbortSignal[] = [lock.lost];
      for (const name of machinesOf(plan)) {
        const { transport } = this.#group.machine(name);
        const held = await lockMachine(transport, {
          owner,
          operation: `${goal.kind} ${spec.name}`,
          signal,
        });
        locks.use(held);
        lost.push(held.lost);
      }
      const result = await runPlan(plan, {
        ...this.#options,
        bundle: bundle ?? emptyBundle,
        sight: observed.cluster,
        group: this.#group,
        executors: { ...executors, ...this.#options.registration },
        operation,
        concurrency,
        signal: AbortSignal.any([signal, ...lost]),
      });
      rounds.push(result);
      if (!result.isComplete || !hasMore(goal, plan)) return { plan, result: inOne(rounds) };
      before = ids;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group[Symbol.asyncDispose]();
    await this.#options.held?.[Symbol.asyncDispose]();
  }

  #check(
    plan: Plan,
    { consent, hasBundle }: { readonly consent: boolean; readonly hasBundle: boolean },
  ): void {
    const destructive = plan.steps.filter(({ isDestructive }) => isDestructive);
    if (destructive.length > 0 && !consent) {
      throw new HansaError(
        `${destructive.map(({ machine, title }) => `${machine ?? 'the cluster'}: ${title}`).join(', ')} takes data or machines away: say --yes to agree`,
        { reason: 'NeedsConsent', retry: 'never' },
      );
    }
    if (!hasBundle && needsBundle(plan)) {
      throw new HansaError(
        'programs and images are to be installed, and there is no bundle: name one with --bundle, or in spec.bundle.path ("hansa bundle create" makes it)',
        { reason: 'BundleMissing', retry: 'never' },
      );
    }
  }
}

/** Whether another family of changes comes after this one: an upgrade, or what waited for it. */
function hasMore(goal: Goal, { steps, warnings }: Plan): boolean {
  if (goal.kind !== 'apply') return false;
  return (
    steps.some(({ kind }) => kind.startsWith('upgrade')) ||
    warnings.some(({ reason }) => reason === 'UpgradeNeeded' || reason === 'JoinsAfterUpgrade')
  );
}

function machinesOf({ steps }: Plan): readonly string[] {
  return [...new Set(steps.flatMap(({ machine }) => machine ?? []))].toSorted();
}

function inOne(rounds: readonly RunResult[]): RunResult | undefined {
  if (rounds.length === 0) return undefined;
  return {
    isComplete: rounds.every(({ isComplete }) => isComplete),
    steps: rounds.flatMap(({ steps }) => steps),
  };
}
