import type { MachinePhase } from '../../api/provision.hansa.dev/v1alpha1/words.ts';
import { HansaError, hashOf, type Logger, type Progress } from '../../base/index.ts';
import type { Worked } from '../engine/cluster-work.ts';
import type { Goal } from '../engine/goal.ts';
import type { StepEnd } from '../engine/run-plan.ts';
import type { Plan, Step } from '../plan/steps.ts';
import type { ReadCluster } from '../read/index.ts';
import type { Failure } from './cluster-story.ts';
import { inHostWords } from './host-words.ts';
import type { Session } from './open-session.ts';
import type { ProvisionControllerOptions } from './options.ts';
import { RunReport } from './run-report.ts';
import type { ClusterView } from './views.ts';

/** One run of the engine. */
export interface Run {
  readonly goal: Goal;
  /** Of the KubeOperation that a person made, or a new one. */
  readonly name: string;
  /** A person made the KubeOperation, or approved it. */
  readonly isAsked?: boolean;
  /** More comes after it, so that its good end is not that of its KubeOperation. */
  readonly isFirstPart?: boolean;
  /** Whether somebody has agreed to what this step takes away. */
  readonly mayDestroy: (step: Step, read: ReadCluster) => boolean;
}

export interface Ended {
  readonly kind: 'completed' | 'nothing' | 'refused' | 'failed' | 'interrupted' | 'waits';
  /** In words of the host. */
  readonly message: string;
  readonly failure?: Failure;
  /** By machine: the step of it that failed. */
  readonly machineFailures?: Readonly<Record<string, Failure>>;
  /** Backups that were taken, by the name of their file. */
  readonly taken: Readonly<Record<string, TakenBackup>>;
}

export interface TakenBackup {
  readonly trigger: 'Scheduled' | 'Manual' | 'BeforeUpgrade';
  readonly sha256?: string;
  readonly etcd?: { readonly revision: string; readonly totalKeys?: number };
}

export interface RunPlace {
  readonly cluster: ClusterView;
  readonly controller: ProvisionControllerOptions;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly stopping: AbortSignal;
  readonly open: (progress: Progress) => Promise<Session>;
  /** Something is to be done; `operation` is the name of its object. */
  readonly onBegin: (operation: string) => Promise<void>;
  readonly onMachine: (machine: string, phase: MachinePhase, detail: string) => void;
}

/** Runs the engine once for a goal, and shows it in a KubeOperation if there is anything to do. */
export async function carryOut(run: Run, place: RunPlace): Promise<Ended> {
  const { cluster, controller, logger } = place;
  const { clock, metrics } = controller;
  const words = (message: string) => inHostWords(message, cluster.name);
  // Progress is needed to open the session, and the session's store to write progress.
  const shown: { report?: RunReport } = {};
  await using session = await place.open({
    step: (title) => shown.report?.step(title) ?? { update() {}, done() {}, fail() {} },
  });
  const reportOn = (operation: string) =>
    new RunReport({ store: session.store, operation, clock, logger, words, onMachine: place.onMachine });
  const report = reportOn(run.name);
  shown.report = report;
  const startedAt = clock.monotonic();
  let ended: Ended;
  let result: Worked['result'];
  try {
    const worked = await session.work.run(run.goal, {
      // Asked for below, of each step.
      consent: true,
      operation: run.name,
      onPlan: async (plan) => {
        if (place.stopping.aborted || plan.refusals.length > 0 || plan.steps.length === 0) return;
        const unasked = plan.steps.filter(
          (step) => step.isDestructive && !run.mayDestroy(step, session.read),
        );
        if (unasked.length > 0) throw new NeedsApproval(plan, unasked);
        await place.onBegin(run.isAsked ? run.name : `${cluster.name}-${run.name}`);
        await report.planned(plan, session.read.spec.name);
      },
    });
    result = worked.result;
    ended = endOf(worked, {
      words,
      isStopped: place.stopping.aborted || place.signal.aborted,
      startedAt,
      now: clock.monotonic(),
    });
    if (hasSnapshot(result)) ended = { ...ended, taken: await takenBy(run, session) };
  } catch (error) {
    if (!(error instanceof HansaError)) throw error;
    if (error instanceof NeedsApproval) return await waitFor(error, { run, cluster, reportOn, words });
    const complaint = error.reason === 'BundleMissing' ? session.bundleComplaint() : undefined;
    const failure = { reason: error.reason, message: words((complaint ?? error).message) };
    const isStopped = place.signal.aborted;
    ended = {
      kind: isStopped ? 'interrupted' : 'failed',
      message: failure.message,
      ...(!isStopped && { failure }),
      taken: {},
    };
  }
  const goesOn = run.isFirstPart && (ended.kind === 'completed' || ended.kind === 'nothing');
  if (!goesOn && (report.hasBegun || run.isAsked))
    await report.end(phases[ended.kind], ended.failure?.reason ?? 'AsDesired', ended.message, result);
  if (report.hasBegun) {
    const tookMs = clock.monotonic() - startedAt;
    metrics?.onRun({ goal: run.goal.kind, result: results[ended.kind], tookMs });
    logger.info('run ended', {
      cluster: cluster.name,
      namespace: cluster.namespace,
      goal: run.goal.kind,
      result: ended.kind,
      tookMs: Math.round(tookMs),
    });
  }
  return ended;
}

const phases = {
  completed: 'Completed',
  nothing: 'Completed',
  refused: 'Refused',
  failed: 'Failed',
  interrupted: 'Interrupted',
  waits: 'Failed',
} as const;

const results = {
  completed: 'completed',
  nothing: 'completed',
  refused: 'refused',
  failed: 'failed',
  interrupted: 'interrupted',
  waits: 'refused',
} as const;

class NeedsApproval extends HansaError {
  readonly plan: Plan;

  constructor(plan: Plan, unasked: readonly Step[]) {
    const what = unasked.map(({ machine, title }) => (machine ? `${machine}: ${title}` : title)).join(', ');
    super(`this takes data or machines away (${what})`, { reason: 'NeedsApproval', retry: 'never' });
    this.plan = plan;
  }
}

/** Where a run was nobody's, the object that waits has a name of its own, and the same one each time. */
async function waitFor(
  { plan, message }: NeedsApproval,
  {
    run,
    cluster,
    reportOn,
    words,
  }: {
    readonly run: Run;
    readonly cluster: ClusterView;
    readonly reportOn: (operation: string) => RunReport;
    readonly words: (message: string) => string;
  },
): Promise<Ended> {
  const destructive = plan.steps.filter(({ isDestructive }) => isDestructive);
  const name = run.isAsked
    ? run.name
    : `approve-${hashOf(destructive.map(({ id, inputs }) => ({ id, inputs })))}`;
  const object = run.isAsked ? name : `${cluster.name}-${name}`;
  const said = words(
    `${message}: read status.steps of KubeOperation ${object}, then set spec.approved to true in it`,
  );
  await reportOn(name).waits(plan, said);
  return { kind: 'waits', message: said, failure: { reason: 'NeedsApproval', message: said }, taken: {} };
}

function endOf(
  { plan, result }: Worked,
  {
    words,
    isStopped,
    startedAt,
    now,
  }: {
    readonly words: (message: string) => string;
    readonly isStopped: boolean;
    readonly startedAt: number;
    readonly now: number;
  },
): Ended {
  const taken = {};
  const ends = result?.steps ?? [];
  const bad = ends.flatMap(({ step, end }) => failureOf(step, end, words));
  const machineFailures = Object.fromEntries(
    bad.flatMap(({ step, failure }) =>
      step.machine === undefined ? [] : [[step.machine, failure] as const],
    ),
  );
  const [first] = bad;
  if (first) {
    const message = `${first.step.id} failed: ${first.failure.message}`;
    return { kind: 'failed', message, failure: { ...first.failure, message }, machineFailures, taken };
  }
  const [refusal] = plan.refusals;
  if (refusal) {
    const message = words(refusal.message);
    return { kind: 'refused', message, failure: { reason: refusal.reason, message }, taken };
  }
  if (result && !result.isComplete) {
    return { kind: 'interrupted', message: 'it was interrupted, and goes on from there', taken };
  }
  if (!result) {
    return isStopped
      ? { kind: 'interrupted', message: 'it was interrupted before anything was done', taken }
      : { kind: 'nothing', message: 'there was nothing to do', taken };
  }
  const seconds = Math.round((now - startedAt) / 1000);
  return { kind: 'completed', message: `${ends.length} steps are done, after ${seconds} s`, taken };
}

function failureOf(
  step: Step,
  end: StepEnd,
  words: (message: string) => string,
): readonly { readonly step: Step; readonly failure: Failure }[] {
  if (end.kind !== 'failed' && end.kind !== 'blocked') return [];
  const message = words(end.isUndone ? `${end.message}; what was changed is put back` : end.message);
  return [{ step, failure: { reason: end.reason, message } }];
}

function hasSnapshot(result: Worked['result']): boolean {
  return result?.steps.some(({ step }) => step.kind === 'snapshot-etcd') ?? false;
}

/** What the journal says of the backups of this run. */
async function takenBy({ goal, name }: Run, { store }: Session): Promise<Ended['taken']> {
  const trigger =
    goal.kind !== 'back-up' ? 'BeforeUpgrade' : goal.purpose === 'by schedule' ? 'Scheduled' : 'Manual';
  const records = (await store.journal()).filter(
    ({ operation, event, evidence }) => operation === name && event === 'done' && evidence['backup'],
  );
  return Object.fromEntries(
    records.map(({ evidence }) => {
      const { backup = '', sha256, revision, keys } = evidence;
      return [
        backup,
        {
          trigger,
          ...(sha256 !== undefined && { sha256: sha256.replace('sha256:', '') }),
          ...(revision !== undefined && {
            etcd: { revision, ...(keys !== undefined && { totalKeys: Number(keys) }) },
          }),
        } as const,
      ];
    }),
  );
}
