import type { KubeOperationStatus } from '../../api/provision.hansa.dev/v1alpha1/kube-operation.ts';
import type { MachinePhase } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { type Clock, type Logger, messageOf, type Progress, type ProgressStep } from '../../base/index.ts';
import type { RunResult, StepEnd } from '../engine/run-plan.ts';
import type { Plan, Step } from '../plan/steps.ts';
import type { CrClusterStore } from '../store/cr-cluster-store.ts';
import { phaseWhile } from './machine-status.ts';

export interface RunReportOptions {
  readonly store: Pick<CrClusterStore, 'tell'>;
  /** Name of the run, and of its KubeOperation if people made it. */
  readonly operation: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of messages, in words of the host. */
  readonly words: (message: string) => string;
  /** A machine is in another phase, or does another thing in it. Not waited for. */
  readonly onMachine: (machine: string, phase: MachinePhase, detail: string) => void;
}

type Shown = NonNullable<KubeOperationStatus['steps']>[number];
type Condition = NonNullable<KubeOperationStatus['conditions']>[number];

/** Details change many times a second; each write costs the host one. */
const writeEveryMs = 2_000;

/**
 * Shows a run in the status of its KubeOperation, and in that of the machines: the plan, how far it is, how it ended.
 *
 * *Guarantees*: the end is written after everything else; what can't be written is logged, and stops no step.
 */
export class RunReport implements Progress {
  readonly #options: RunReportOptions;
  readonly #steps = new Map<string, Shown>();
  readonly #byTitle = new Map<string, Step>();
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasBegun = false;

  constructor(options: RunReportOptions) {
    this.#options = options;
  }

  /** Something was planned, so there is an object that tells of it. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Of a round; those of earlier rounds stay. */
  async planned({ steps }: Plan, cluster: string): Promise<void> {
    this.#hasBegun = true;
    for (const step of steps) {
      this.#steps.set(step.id, shownOf(step));
      this.#byTitle.set(`${step.machine ?? cluster}: ${step.title}`, step);
    }
    await this.#write({ phase: 'Running', message: this.#progressText() });
  }

  /** The plan asks for a word of a person first. */
  async waits({ steps }: Plan, message: string): Promise<void> {
    this.#hasBegun = true;
    for (const step of steps) this.#steps.set(step.id, shownOf(step));
    await this.#write({
      phase: 'WaitingForApproval',
      message,
      conditions: [this.#condition('Approved', 'False', 'NeedsApproval', message)],
    });
  }

  step(title: string): ProgressStep {
    const step = this.#byTitle.get(title);
    if (!step) return { update() {}, done() {}, fail() {} };
    this.#show(step, { state: 'Running' }, step.title);
    return {
      update: (detail) => this.#show(step, { state: 'Running', message: detail }, detail),
      done: (detail) => this.#show(step, { state: 'Done', ...(detail ? { message: detail } : {}) }),
      fail: (detail) => this.#show(step, { state: 'Failed', message: this.#options.words(detail) }),
    };
  }

  async end(
    phase: 'Completed' | 'Failed' | 'Refused' | 'Interrupted',
    reason: string,
    message: string,
    result?: RunResult,
  ): Promise<void> {
    this.#cancelWrite?.();
    for (const { step, end } of result?.steps ?? []) {
      const shown = this.#steps.get(step.id);
      if (shown) this.#steps.set(step.id, { ...shown, state: stateOf(end) });
    }
    const isDone = phase === 'Completed';
    await this.#write({
      phase,
      message,
      ...(phase !== 'Interrupted' && { completedAt: new Date(this.#options.clock.now()).toISOString() }),
      conditions: [
        this.#condition('Progressing', 'False', reason, message),
        this.#condition('Completed', isDone ? 'True' : 'False', reason, message),
      ],
    });
  }

  #show({ id, machine, kind }: Step, change: Partial<Shown>, detail?: string): void {
    const shown = this.#steps.get(id);
    if (!shown) return;
    this.#steps.set(id, { ...shown, ...change });
    if (machine !== undefined && detail !== undefined) {
      this.#options.onMachine(machine, phaseWhile(kind), detail);
    }
    this.#cancelWrite ??= this.#options.clock.after(writeEveryMs, () => {
      this.#cancelWrite = undefined;
      void this.#write({ phase: 'Running', message: this.#progressText() });
    });
  }

  #progressText(): string {
    const all = [...this.#steps.values()];
    const running = all.filter(({ state }) => state === 'Running');
    const done = all.filter(({ state }) => state === 'Done').length;
    const now = running.map(({ id, message }) => (message ? `${id}: ${message}` : id)).join(', ');
    return `${done} of ${all.length} steps are done${now ? `; now ${now}` : ''}`;
  }

  /** One after the other, so that an older picture never comes last. */
  #write(status: Omit<KubeOperationStatus, 'journal' | 'sequence' | 'steps'>): Promise<void> {
    const { store, operation, logger } = this.#options;
    const steps = [...this.#steps.values()];
    this.#writing = this.#writing.then(async () => {
      try {
        await store.tell(operation, { ...status, ...(steps.length > 0 && { steps }) });
      } catch (error) {
        logger.warn('operation not told', { operation, error: messageOf(error) });
      }
    });
    return this.#writing;
  }

  #condition(
    type: 'Approved' | 'Progressing' | 'Completed',
    status: 'True' | 'False',
    reason: string,
    message: string,
  ): Condition {
    const at = new Date(this.#options.clock.now()).toISOString();
    return { type, status, reason, message, lastTransitionTime: at };
  }
}

function shownOf({ id, title, reason, isPointOfNoReturn, isDestructive }: Step): Shown {
  return {
    id,
    title,
    reason,
    state: 'Pending',
    ...(isPointOfNoReturn && { pointOfNoReturn: true }),
    ...(isDestructive && { destructive: true }),
  };
}

function stateOf(end: StepEnd): Shown['state'] {
  switch (end.kind) {
    case 'done':
    case 'nothing-to-do':
      return 'Done';
    case 'blocked':
      return 'Failed';
    case 'failed':
      return end.isUndone ? 'Undone' : 'Failed';
    case 'interrupted':
      return 'Running';
    case 'not-started':
      return 'Skipped';
  }
}
