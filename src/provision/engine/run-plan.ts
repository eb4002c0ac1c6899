import {
  type Clock,
  HansaError,
  type Logger,
  type Progress,
  type ProgressStep,
  type Rng,
} from '../../base/index.ts';
import type { ClusterSpec } from '../plan/cluster-spec.ts';
import type { ClusterSight } from '../plan/facts.ts';
import type { Plan, Step } from '../plan/steps.ts';
import type { Redactor } from '../transport/index.ts';
import type { BundleSource, ClusterStore, Executors, Machine } from './executor.ts';
import { LiveJournal } from './live-journal.ts';
import { runStep, type StepEnd } from './run-step.ts';

export type { StepEnd } from './run-step.ts';

/** The machines of a cluster as steps reach them. */
export interface MachineAccess {
  /** @throws HansaError MachineUnreachable */
  machine(name: string): Machine;
  /** @throws HansaError NoControlPlane */
  healthyControlPlane(not: readonly string[], signal: AbortSignal): Promise<Machine>;
}

export interface RunOptions {
  readonly spec: ClusterSpec;
  readonly sight: ClusterSight;
  readonly group: MachineAccess;
  readonly executors: Executors;
  readonly store: ClusterStore;
  readonly bundle: BundleSource;
  /** Names this run in the journal. */
  readonly operation: string;
  /** Steps at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly progress: Progress;
  readonly redactor: Redactor;
  /** Everything stops now; what runs on machines by itself is left to run, and attached to by the next run. */
  readonly signal: AbortSignal;
  /** No further step starts; those under way come to their end. */
  readonly stopping?: AbortSignal;
}

export interface RunResult {
  readonly isComplete: boolean;
  readonly steps: readonly { readonly step: Step; readonly end: StepEnd }[];
}

/**
 * Carries a plan out. Whoever calls holds the cluster's lock.
 *
 * *Guarantees*: a step starts after all that it needs; steps that exclude each other never run side by side; a failure
 * stops what depends on it and nothing else; the same plan again, or a new one, goes on where this run ended.
 * @throws HansaError PlanRefused, PlanInvalid, and what the store throws when it can't be read
 */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  const [refusal] = plan.refusals;
  if (refusal) {
    throw new HansaError(`nothing may be changed: ${refusal.message}`, {
      reason: 'PlanRefused',
      retry: 'never',
    });
  }
  const journal = await LiveJournal.open(options);
  return new Run(plan, options, journal).toEnd();
}

class Run {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #journal: LiveJournal;
  readonly #ids: ReadonlySet<string>;
  readonly #ends = new Map<string, StepEnd>();
  readonly #running = new Map<string, { readonly step: Step; readonly end: Promise<void> }>();

  constructor(plan: Plan, options: RunOptions, journal: LiveJournal) {
    this.#plan = plan;
    this.#options = options;
    this.#journal = journal;
    this.#ids = new Set(plan.steps.map(({ id }) => id));
    if (this.#ids.size < plan.steps.length) throw planInvalid('it has two steps of one id');
  }

  async toEnd(): Promise<RunResult> {
    for (;;) {
      for (const step of this.#ready()) this.#start(step);
      if (this.#running.size === 0) break;
      await Promise.race([...this.#running.values()].map(({ end }) => end));
    }
    const steps = this.#plan.steps.map((step) => ({ step, end: this.#endOf(step) }));
    return {
      steps,
      isComplete: steps.every(({ end }) => endedWell(end)),
    };
  }

  /** Steps whose turn it is, in the order of the plan. */
  #ready(): readonly Step[] {
    const { signal, stopping, concurrency } = this.#options;
    if (signal.aborted || stopping?.aborted) return [];
    const words = new Set([...this.#running.values()].flatMap(({ step }) => step.exclusive ?? []));
    const found: Step[] = [];
    for (const step of this.#plan.steps) {
      if (this.#running.size + found.length >= concurrency) break;
      if (this.#ends.has(step.id) || this.#running.has(step.id)) continue;
      if (step.exclusive !== undefined && words.has(step.exclusive)) continue;
      if (!step.needs.every((id) => this.#isFulfilled(id))) continue;
      if (step.exclusive !== undefined) words.add(step.exclusive);
      found.push(step);
    }
    return found;
  }

  /** What the plan has left out was as it should be. */
  #isFulfilled(id: string): boolean {
    if (!this.#ids.has(id)) return true;
    const end = this.#ends.get(id);
    return end !== undefined && endedWell(end);
  }

  #start(step: Step): void {
    const { progress, redactor, spec } = this.#options;
    const shown = progress.step(`${step.machine ?? spec.name}: ${step.title}`);
    const end = runStep(step, {
      ...this.#options,
      executor: this.#options.executors[step.kind],
      journal: this.#journal,
      context: this.#context(),
      show: (detail) => shown.update(redactor.text(detail)),
    }).then((ended) => {
      this.#ends.set(step.id, ended);
      this.#running.delete(step.id);
      showEnd(shown, ended);
    });
    this.#running.set(step.id, { step, end });
  }

  #context() {
    const { spec, sight, group, store, bundle, clock, rng, logger, signal } = this.#options;
    return {
      cluster: spec,
      sight,
      journal: this.#journal.records,
      machine: (name: string) => group.machine(name),
      healthyControlPlane: (not: readonly string[] = []) => group.healthyControlPlane(not, signal),
      secrets: store.secrets,
      bundle,
      clock,
      rng,
      logger,
      signal,
    };
  }

  #endOf(step: Step): StepEnd {
    const end = this.#ends.get(step.id);
    if (end) return end;
    const because = step.needs.find((id) => !this.#isFulfilled(id));
    const { signal, stopping } = this.#options;
    const isStopped = signal.aborted || stopping?.aborted === true;
    // Every chain of unfulfilled needs ends at a step that failed; one that doesn't bites its own tail.
    if (!isStopped && ![...this.#ends.values()].some((each) => !endedWell(each))) {
      throw planInvalid(`${step.id} waits for ${because ?? 'nothing'} and never had its turn`);
    }
    return { kind: 'not-started', because };
  }
}

function endedWell({ kind }: StepEnd): boolean {
  return kind === 'done' || kind === 'nothing-to-do';
}

function showEnd(shown: ProgressStep, end: StepEnd): void {
  switch (end.kind) {
    case 'done':
      shown.done();
      return;
    case 'nothing-to-do':
      shown.done('was so already');
      return;
    case 'blocked':
      shown.fail(end.message);
      return;
    case 'failed':
      shown.fail(end.isUndone ? `${end.message}; what was changed is put back` : end.message);
      return;
    case 'interrupted':
      shown.fail('interrupted; the next run goes on from here');
      return;
    case 'not-started':
      return;
  }
}

function planInvalid(why: string): HansaError {
  return new HansaError(
    `the plan can't be carried out: ${why}. This is a fault of Hansa's: please report it`,
    {
      reason: 'PlanInvalid',
      retry: 'never',
    },
  );
}
