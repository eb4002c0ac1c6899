import { durationMs } from '../../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import { stableJson } from '../../../base/index.ts';
import { conditionsFor } from './conditions.ts';
import { judgeGate } from './judge-gate.ts';
import { gateKey, pauseKey, promoteAll } from './keys.ts';
import { type Leg, legsOf } from './legs.ts';
import { nextStage, nextStageBack } from './next-stage.ts';
import { phaseAndSummary } from './summary.ts';
import { transitionsBetween } from './transitions.ts';
import type {
  GateQuestion,
  MemberObserved,
  Numbers,
  Order,
  RolloutClusterStatus,
  RolloutGateStatus,
  RolloutStatus,
  StageDecision,
  StepperInput,
  StepperResult,
} from './types.ts';

type WaveStatus = NonNullable<RolloutStatus['waves']>[number];

/** What keeps the leg under way from being over, or the run from going on. */
export type Holdup =
  | { readonly kind: 'members'; readonly leg: Leg; readonly there: number; readonly of: number }
  | { readonly kind: 'pause'; readonly leg: Leg; readonly leftMs: number }
  | { readonly kind: 'approval'; readonly leg: Leg; readonly key: string; readonly what: string }
  | { readonly kind: 'gate'; readonly leg: Leg; readonly gate: RolloutGateStatus; readonly name: string }
  | { readonly kind: 'soak'; readonly leg: Leg; readonly leftMs: number }
  | { readonly kind: 'target-step'; readonly step: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'blocked'; readonly message: string }
  /** Something failed and a person must say how it goes on. */
  | { readonly kind: 'failed'; readonly message: string; readonly reason: string }
  | { readonly kind: 'reverting'; readonly left: readonly string[] }
  | { readonly kind: 'reverted'; readonly aborted: boolean }
  | { readonly kind: 'done' }
  | { readonly kind: 'idle' };

const defaultIntervalMs = 10_000;

/**
 * Where each cluster goes now, and how the whole stands.
 *
 * *Flow*: which run this is (a new revision, one that is taken back, none); how each cluster stands against what it
 * was last told; which leg of the way is under way; what that leg still waits for; what each cluster is told.
 * *Guarantees*: everything follows from the last status and what is observed, so a controller that lost its memory
 * decides the same; a cluster that nobody can reach is told nothing; times in the status change with a transition only.
 */
export function decideRollout(input: StepperInput): StepperResult {
  const run = startOrGoOn(input);
  const work = new Work(input, run);
  work.look();
  const holdup = work.decide();
  const status = work.status(holdup);
  return {
    orders: work.orders,
    questions: work.questions,
    status,
    transitions: transitionsBetween(input.state, status),
    wakeAfterMs: work.wakeAfterMs,
  };
}

/** The status with which this round starts: the last one, or that of a new run. */
function startOrGoOn(input: StepperInput): RolloutStatus {
  const { state, revision, stableRevision, plan, command } = input;
  const now = new Date(input.nowMs).toISOString();
  const stable = state.stableRevision ?? stableRevision;
  const base: RolloutStatus = { ...state, ...(stable === undefined ? {} : { stableRevision: stable }) };
  if (state.revision === undefined) return fresh(base, revision, now, stable);
  if (state.revision === revision) return retried(base, command.retry, now);
  const isUnderWay = state.revision !== stable && state.phase !== 'Aborted';
  if (!isUnderWay) return fresh(base, revision, now, stable);
  // Edited back: the same as an abort.
  if (revision === stable) {
    return { ...base, abortedBecause: base.abortedBecause ?? 'the change was taken back at its source' };
  }
  const touched = (state.clusters ?? []).filter(isTouched);
  // Two workloads side by side: the old contender must go before a new one comes. Elsewhere the new one replaces it.
  if (plan.mode === 'SideBySide' && touched.length > 0) {
    return { ...base, abortedBecause: base.abortedBecause ?? `superseded by revision ${revision}` };
  }
  return fresh(
    withHistory(base, 'Superseded', `superseded by revision ${revision}`, now),
    revision,
    now,
    stable,
  );
}

function fresh(
  base: RolloutStatus,
  revision: string,
  now: string,
  stable: string | undefined,
): RolloutStatus {
  const {
    abortedBecause: _,
    completedAt: __,
    wave: ___,
    step: ____,
    gates: _____,
    waves: ______,
    ...rest
  } = base;
  const isNew = revision !== stable;
  return {
    ...rest,
    revision,
    ...(isNew ? { startedAt: now } : {}),
    clusters: (base.clusters ?? []).map(({ name, wave, unreachableSince }) => ({
      name,
      phase: 'Pending',
      ...(wave === undefined ? {} : { wave }),
      ...(unreachableSince === undefined ? {} : { unreachableSince }),
    })),
  };
}

/** A new word of `retry` makes a run that was taken back, or stopped, start again. */
function retried(base: RolloutStatus, retry: string | undefined, now: string): RolloutStatus {
  if (retry === undefined || retry === base.retried) return base;
  const { abortedBecause, ...rest } = base;
  const restart = abortedBecause !== undefined || base.phase === 'Failed';
  return {
    ...rest,
    retried: retry,
    ...(restart ? { startedAt: now } : {}),
    waves: restart
      ? []
      : (base.waves ?? []).map((wave) =>
          wave.phase === 'Failed' ? { ...wave, phase: 'Progressing' } : wave,
        ),
    // What failed is asked anew; what passed stays passed unless everything starts again.
    gates: restart ? [] : (base.gates ?? []).filter(({ phase }) => phase === 'Passed'),
    clusters: (base.clusters ?? []).map((cluster) => {
      if (!restart && cluster.phase !== 'Failed') return cluster;
      const { name, wave, step, reachedStep, reachedAt } = cluster;
      return {
        name,
        phase: restart || step === undefined ? 'Pending' : 'Progressing',
        progressedAt: now,
        ...(wave === undefined ? {} : { wave }),
        ...(restart || step === undefined ? {} : { step }),
        ...(restart || reachedStep === undefined ? {} : { reachedStep }),
        ...(restart || reachedAt === undefined ? {} : { reachedAt }),
      };
    }),
  };
}

/** It may hold something of the new revision. */
function isTouched({ phase, step }: RolloutClusterStatus): boolean {
  return step !== undefined && phase !== 'Reverted' && phase !== 'Pending';
}

function withHistory(
  status: RolloutStatus,
  outcome: 'Completed' | 'Aborted' | 'Superseded',
  message: string,
  now: string,
): RolloutStatus {
  const { revision, startedAt, history = [] } = status;
  if (revision === undefined) return status;
  const last = history.at(-1);
  if (last?.revision === revision && last.outcome === outcome && last.startedAt === startedAt) return status;
  return {
    ...status,
    history: [
      ...history.slice(-49),
      { revision, outcome, endedAt: now, message, ...(startedAt === undefined ? {} : { startedAt }) },
    ],
  };
}

/** A cluster in this round: what it was told, what it is like, what is missing. */
interface Standing {
  readonly name: string;
  readonly wave: string;
  before: RolloutClusterStatus | undefined;
  observed: MemberObserved;
  status: RolloutClusterStatus;
}

class Work {
  readonly orders = new Map<string, Order>();
  readonly questions: GateQuestion[] = [];
  wakeAfterMs: number | undefined;
  readonly #input: StepperInput;
  #run: RolloutStatus;
  readonly #legs: readonly Leg[];
  readonly #standings = new Map<string, Standing>();
  #gates: Map<string, RolloutGateStatus>;
  #waves: WaveStatus[];
  readonly #now: string;

  constructor(input: StepperInput, run: RolloutStatus) {
    this.#input = input;
    this.#run = run;
    this.#legs = legsOf(input.plan);
    this.#gates = new Map((run.gates ?? []).map((gate) => [gate.key, gate]));
    this.#now = new Date(input.nowMs).toISOString();
    const known = new Map((run.waves ?? []).map((wave) => [wave.name, wave]));
    this.#waves = input.plan.waves.map(({ name }) => known.get(name) ?? { name, phase: 'Pending' });
  }

  get #revision(): string {
    return this.#run.revision ?? this.#input.revision;
  }

  get #isNew(): boolean {
    return this.#revision !== this.#run.stableRevision;
  }

  get #full(): boolean {
    return this.#input.command.promotions.some(
      ({ revision, at }) => revision === this.#revision && at === promoteAll,
    );
  }

  /** How each cluster of the plan stands against what it was last told. */
  look(): void {
    const before = new Map((this.#run.clusters ?? []).map((cluster) => [cluster.name, cluster]));
    for (const wave of this.#input.plan.waves) {
      for (const name of wave.members) {
        const observed = this.#input.observed.get(name) ?? {
          kind: 'unreachable',
          message: 'it was not asked yet',
        };
        const known = before.get(name);
        const standing: Standing = {
          name,
          wave: wave.name,
          before: known,
          observed,
          status: { ...(known ?? { name, phase: 'Pending' }), name, wave: wave.name },
        };
        this.#standings.set(name, standing);
        this.#judge(standing);
      }
    }
  }

  #judge(standing: Standing): void {
    const { observed } = standing;
    if (observed.kind === 'unreachable') return this.#judgeUnreachable(standing, observed.message);
    const { unreachableSince, reason: _, message: __, stage: ___, ...kept } = standing.status;
    let status: RolloutClusterStatus = {
      ...kept,
      ...sideCounts(observed),
      ...(observed.revision === undefined ? {} : { revision: observed.revision }),
    };
    if (unreachableSince !== undefined) {
      status = { ...status, phase: resumedPhase(status), progressedAt: this.#now };
    }
    standing.status = status;
    this.#judgeByPhase(standing, observed);
    const { note } = observed;
    if (note !== undefined && standing.status.message === undefined) {
      standing.status = { ...standing.status, message: note };
    }
  }

  #judgeByPhase(standing: Standing, observed: Extract<MemberObserved, { kind: 'seen' }>): void {
    const { status } = standing;
    if (status.phase === 'Progressing' || status.phase === 'StepReached' || status.phase === 'Done') {
      this.#judgeOnTheWay(standing, observed);
    } else if (status.phase === 'Reverting') {
      this.#judgeGoingBack(standing, observed);
    } else if (status.phase === 'Failed' || status.phase === 'Skipped') {
      const { reason, message } = standing.before ?? {};
      standing.status = { ...status, ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
    }
  }

  #judgeUnreachable(standing: Standing, why: string): void {
    const { status } = standing;
    const { graceMs, action } = this.#input.plan.unreachable;
    const since = status.unreachableSince ?? this.#now;
    const left = Date.parse(since) + graceMs - this.#input.nowMs;
    const isInTheWay = status.step !== undefined && this.#isNew;
    let phase: RolloutClusterStatus['phase'] = status.phase;
    if (
      isInTheWay &&
      phase !== 'Skipped' &&
      phase !== 'Failed' &&
      phase !== 'Reverting' &&
      phase !== 'Reverted'
    ) {
      phase = 'Unreachable';
      if (left > 0) this.#wake(left);
      else if (action === 'Skip') phase = 'Skipped';
      else if (action === 'Fail') phase = 'Failed';
    }
    standing.status = {
      ...status,
      phase,
      unreachableSince: since,
      reason: 'ClusterUnreachable',
      message: `${standing.name} does not answer (${why}); it keeps what it has`,
    };
  }

  #judgeOnTheWay(standing: Standing, observed: Extract<MemberObserved, { kind: 'seen' }>): void {
    const { status, before } = standing;
    const step = status.step;
    if (step === undefined) return;
    const planned = this.#input.plan.steps[Math.min(step, this.#input.plan.steps.length - 1)];
    if (!planned) return;
    const stage = nextStage(planned, observed, this.#stageOptions());
    const isReached = stage.kind === 'reached' && status.reachedStep === step;
    if (stage.kind === 'reached') {
      standing.status = {
        ...status,
        phase: status.phase === 'Done' ? 'Done' : 'StepReached',
        reachedStep: step,
        reachedAt: isReached && status.reachedAt ? status.reachedAt : this.#now,
      };
      return;
    }
    const progressedAt =
      before === undefined || hasMoved(before, status, stage)
        ? this.#now
        : (status.progressedAt ?? this.#now);
    const left = Date.parse(progressedAt) + this.#input.plan.progressDeadlineMs - this.#input.nowMs;
    const { message, reason } = wordsOf(stage, observed);
    standing.status = {
      ...status,
      phase: 'Progressing',
      progressedAt,
      stage: stageName(stage),
      reason,
      message,
    };
    if (!this.#isNew || this.#input.command.paused || this.#input.blockedBy !== undefined) return;
    if (left > 0) this.#wake(left);
    else {
      standing.status = {
        ...standing.status,
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: `no progress for ${Math.round(this.#input.plan.progressDeadlineMs / 1000)} s: ${message}`,
      };
    }
  }

  #judgeGoingBack(standing: Standing, observed: Extract<MemberObserved, { kind: 'seen' }>): void {
    const { status } = standing;
    const isBack =
      !observed.leftovers && (!observed.installed || observed.revision === this.#run.stableRevision);
    const whole = observed.incumbent ?? observed.contender;
    if (isBack && (whole.capacityReady || this.#run.stableRevision === undefined)) {
      const { step: _, reachedStep: __, reachedAt: ___, progressedAt: ____, ...rest } = status;
      standing.status = { ...rest, phase: status.skipped ? 'Skipped' : 'Reverted' };
      return;
    }
    const stage = nextStageBack(observed, this.#stageOptions());
    const { message } = wordsOf(stage, observed);
    standing.status = {
      ...status,
      stage: stageName(stage),
      reason: 'Reverting',
      message:
        stage.kind === 'reached'
          ? 'the old revision is whole again; what is left of the new one goes'
          : message,
    };
  }

  #stageOptions() {
    const { ignoreIncumbentHealth, minHealthyPercent } = this.#input.plan;
    return { revision: this.#revision, ignoreIncumbentHealth, minHealthyPercent };
  }

  /** What is under way, and what each cluster is told. */
  decide(): Holdup {
    const { command, plan } = this.#input;
    if (command.abort === this.#revision && this.#isNew && this.#run.abortedBecause === undefined) {
      this.#run = { ...this.#run, abortedBecause: 'a person said so' };
    }
    if (!this.#isNew && this.#run.abortedBecause === undefined) return this.#keepStable();
    if (this.#run.abortedBecause !== undefined)
      return this.#goBack(plan.waves.flatMap(({ members }) => members));
    if (this.#input.blockedBy !== undefined) {
      this.#holdAll();
      return { kind: 'blocked', message: this.#input.blockedBy };
    }
    if (command.paused) {
      this.#holdAll();
      return { kind: 'paused' };
    }
    const failure = this.#handleFailures();
    if (failure) return failure;
    return this.#goOn();
  }

  /** Nothing new: whoever lacks the stable revision (a cluster that came later) gets it. */
  #keepStable(): Holdup {
    const last = this.#input.plan.steps.length - 1;
    const numbers = this.#input.plan.steps[last];
    for (const standing of this.#standings.values()) {
      // What was left out of the run stays out until a person says "retry".
      if (!numbers || standing.observed.kind === 'unreachable' || standing.status.phase === 'Skipped') {
        this.orders.set(standing.name, { kind: 'hold' });
        continue;
      }
      if (standing.observed.leftovers) {
        this.orders.set(standing.name, { kind: 'revert' });
        continue;
      }
      this.orders.set(standing.name, { kind: 'go', step: last, numbers: whole(numbers) });
      const stage = nextStage(whole(numbers), standing.observed, this.#stageOptions());
      const { step: _, reachedStep: __, reachedAt: ___, progressedAt: ____, ...rest } = standing.status;
      standing.status =
        stage.kind === 'reached'
          ? { ...rest, phase: 'Done' }
          : { ...rest, phase: 'Progressing', stage: stageName(stage), ...wordsOf(stage, standing.observed) };
    }
    this.#waves = this.#waves.map((wave) => ({ ...wave, phase: 'Done' }));
    return { kind: this.#run.completedAt === undefined ? 'idle' : 'done' };
  }

  #holdAll(): void {
    for (const { name } of this.#standings.values()) this.orders.set(name, { kind: 'hold' });
  }

  /** Every reachable one at once, those of the last wave first. */
  #goBack(names: readonly string[]): Holdup {
    const left: string[] = [];
    for (const name of names.toReversed()) {
      const standing = this.#standings.get(name);
      if (!standing) continue;
      if (!isTouched(standing.status)) {
        this.orders.set(name, hasLeftovers(standing.observed) ? { kind: 'revert' } : { kind: 'hold' });
        if (standing.status.phase === 'Pending') standing.status = { ...standing.status, phase: 'Reverted' };
        continue;
      }
      left.push(name);
      if (standing.observed.kind === 'unreachable') {
        this.orders.set(name, { kind: 'hold' });
        continue;
      }
      if (this.#run.stableRevision === undefined && this.#input.plan.mode !== 'SideBySide') {
        // There is no older revision: what is there stays, and nothing more comes.
        this.orders.set(name, { kind: 'hold' });
        standing.status = {
          ...standing.status,
          phase: 'Reverted',
          reason: 'Aborted',
          message: 'there is no older revision to go back to, so it keeps what it has',
        };
        left.pop();
        continue;
      }
      this.orders.set(name, { kind: 'revert' });
      if (standing.status.phase !== 'Reverting') {
        standing.status = { ...standing.status, phase: 'Reverting', reason: 'Reverting' };
        this.#judgeGoingBack(standing, standing.observed);
        if (!isTouched(standing.status)) left.pop();
      }
    }
    for (const { name } of this.#standings.values())
      if (!this.orders.has(name)) this.orders.set(name, { kind: 'hold' });
    const isOpen = (wave: string) => left.some((name) => this.#standings.get(name)?.wave === wave);
    this.#waves = this.#waves.map((wave) =>
      wave.phase === 'Pending' ||
      !this.#input.plan.waves.some(
        ({ name, members }) => name === wave.name && members.some((member) => names.includes(member)),
      )
        ? wave
        : { ...wave, phase: isOpen(wave.name) ? 'Reverting' : 'Reverted' },
    );
    const reachable = left.filter((name) => this.#standings.get(name)?.observed.kind === 'seen');
    if (reachable.length > 0) return { kind: 'reverting', left };
    return { kind: 'reverted', aborted: this.#run.abortedBecause !== undefined };
  }

  /** Failed clusters and gates against what is tolerated. */
  #handleFailures(): Holdup | undefined {
    const { plan } = this.#input;
    for (const gate of this.#gates.values()) this.#failByGate(gate);
    const failed = [...this.#standings.values()].filter(({ status }) => status.phase === 'Failed');
    const skipped = [...this.#standings.values()].filter(
      ({ status }) => status.phase === 'Skipped' || (status.phase === 'Reverting' && status.skipped),
    );
    const badWave = this.#waves.find(({ phase }) => phase === 'Failed');
    const wavesBack = this.#waves.filter(({ phase }) => phase === 'Reverting' || phase === 'Reverted');
    if (wavesBack.length > 0) return this.#wavesBack(wavesBack.map(({ name }) => name));
    if (failed.length === 0 && !badWave) return undefined;
    const count = failed.length + skipped.length;
    if (failed.length > 0 && !badWave && count <= plan.maxFailedClusters) {
      for (const standing of failed) this.#skip(standing);
      return undefined;
    }
    const [first] = failed;
    const why = first
      ? `${first.name}: ${first.status.message ?? first.status.reason ?? 'failed'}`
      : this.#gateWords(badWave?.name ?? '');
    const reason = first?.status.reason ?? 'GateFailed';
    switch (plan.failurePolicy) {
      case 'AbortAll':
        this.#run = { ...this.#run, abortedBecause: why };
        return this.#goBack(plan.waves.flatMap(({ members }) => members));
      case 'AbortWave': {
        const names = new Set([...(badWave ? [badWave.name] : []), ...failed.map(({ wave }) => wave)]);
        return this.#wavesBack([...names]);
      }
      case 'SkipCluster':
      case 'Pause':
        this.#holdAll();
        return {
          kind: 'failed',
          reason,
          message:
            plan.failurePolicy === 'SkipCluster' &&
            count > plan.maxFailedClusters &&
            plan.maxFailedClusters > 0
              ? `${count} clusters failed, which is more than the ${plan.maxFailedClusters} of maxFailedClusters; ${why}`
              : why,
        };
    }
  }

  #wavesBack(names: readonly string[]): Holdup {
    const members = this.#input.plan.waves
      .filter(({ name }) => names.includes(name))
      .flatMap((wave) => wave.members);
    this.#waves = this.#waves.map((wave) =>
      names.includes(wave.name) ? { ...wave, phase: 'Reverting' } : wave,
    );
    return this.#goBack(members);
  }

  #skip(standing: Standing): void {
    standing.status = { ...standing.status, phase: 'Reverting', skipped: true };
  }

  #failByGate({ key, phase, message = '' }: RolloutGateStatus): void {
    if (phase !== 'Failed' && phase !== 'Inconclusive') return;
    const [revision, waveName = '', , member = '*', ...name] = key.split('/');
    if (revision !== this.#revision || this.#full || this.#isPromoted(key)) return;
    const reason = phase === 'Failed' ? 'GateFailed' : 'GateInconclusive';
    const text = `gate ${name.join('/')} ${phase === 'Failed' ? 'said no' : 'said nothing too often'}: ${message}`;
    const standing = this.#standings.get(member);
    if (standing) {
      if (isTouched(standing.status) && !['Skipped', 'Reverting'].includes(standing.status.phase)) {
        standing.status = { ...standing.status, phase: 'Failed', reason, message: text };
      }
      return;
    }
    this.#waves = this.#waves.map((wave) =>
      wave.name === waveName && !['Reverting', 'Reverted'].includes(wave.phase)
        ? { ...wave, phase: 'Failed' }
        : wave,
    );
  }

  #gateWords(wave: string): string {
    const gate = [...this.#gates.values()].find(
      ({ key, phase }) =>
        (phase === 'Failed' || phase === 'Inconclusive') && key.startsWith(`${this.#revision}/${wave}/`),
    );
    return `wave ${wave}: gate ${gate?.key.split('/').slice(4).join('/') ?? ''} ${gate?.message ?? ''}`.trim();
  }

  /** The first leg that is not over, and orders up to it. */
  #goOn(): Holdup {
    const { targetStep } = this.#input.command;
    const legs = targetStep === undefined ? this.#legs : this.#legs.filter(({ step }) => step <= targetStep);
    let cursor = 0;
    let holdup: Holdup | undefined;
    for (; cursor < legs.length; cursor++) {
      const leg = legs[cursor] as Leg;
      if (this.#hasPassed(leg, legs.slice(cursor + 1))) continue;
      holdup = this.#holdupOf(leg);
      if (holdup) break;
      this.#closeWave(leg);
    }
    for (const leg of legs.slice(0, cursor)) this.#markDone(leg);
    const upTo = legs.slice(0, cursor + 1);
    for (const standing of this.#standings.values()) this.#order(standing, upTo, targetStep);
    const current = legs[Math.min(cursor, legs.length - 1)];
    if (current) this.#openWave(current);
    if (holdup) return holdup;
    const isBack = [...this.#standings.values()].some(
      ({ status }) => isTouched(status) && status.phase === 'Progressing' && targetStep !== undefined,
    );
    if (targetStep !== undefined && targetStep < this.#input.plan.steps.length - 1) {
      const leg = current;
      if (isBack && leg) return this.#membersHoldup(leg);
      return { kind: 'target-step', step: targetStep };
    }
    const leaving = [...this.#standings.values()].filter(
      ({ status, observed }) => status.phase === 'Reverting' && observed.kind === 'seen',
    );
    if (leaving.length > 0) return { kind: 'reverting', left: leaving.map(({ name }) => name) };
    this.#complete();
    return { kind: 'done' };
  }

  /** A leg is behind us once a later one was begun. */
  #hasPassed(leg: Leg, later: readonly Leg[]): boolean {
    if (leg.members.length === 0) return !leg.endsWave || leg.wave.members.length === 0;
    return later.some(({ members, step }) =>
      members.some((name) => {
        const status = this.#standings.get(name)?.status;
        return status !== undefined && isTouched(status) && (status.step ?? -1) >= step && step >= leg.step;
      }),
    );
  }

  #live(leg: Leg): readonly Standing[] {
    return leg.members.flatMap((name) => {
      const standing = this.#standings.get(name);
      if (!standing) return [];
      const { phase, skipped } = standing.status;
      return phase === 'Skipped' || skipped ? [] : [standing];
    });
  }

  #membersHoldup(leg: Leg): Holdup {
    const live = this.#live(leg);
    const there = live.filter(({ status }) => isAt(status, leg.step)).length;
    return { kind: 'members', leg, there, of: live.length };
  }

  #holdupOf(leg: Leg): Holdup | undefined {
    const live = this.#live(leg);
    if (live.some(({ status }) => !isAt(status, leg.step))) {
      // Gates of clusters that are there already needn't wait for the others.
      for (const standing of live) {
        if (isAt(standing.status, leg.step)) this.#askGates(leg, leg.planned.gates, 'step', standing);
      }
      return this.#membersHoldup(leg);
    }
    const reachedAt = Math.max(0, ...live.map(({ status }) => Date.parse(status.reachedAt ?? this.#now)));
    return (
      this.#stepGates(leg, live) ??
      this.#pauseOf(leg, reachedAt) ??
      (leg.endsWave ? this.#soakOf(leg, reachedAt) : undefined)
    );
  }

  #stepGates(leg: Leg, live: readonly Standing[]): Holdup | undefined {
    let open: Holdup | undefined;
    for (const standing of live) open = this.#askGates(leg, leg.planned.gates, 'step', standing) ?? open;
    return this.#askGates(leg, leg.planned.gates, 'step', undefined) ?? open;
  }

  #pauseOf(leg: Leg, reachedAt: number): Holdup | undefined {
    const { pause, name } = leg.planned;
    if (!pause || this.#full) return undefined;
    const leftMs = reachedAt + pause.durationMs - this.#input.nowMs;
    const key = pauseKey(leg.wave.name, name);
    const isPromoted = this.#isPromoted(key);
    if (pause.durationMs > 0 && leftMs > 0 && !isPromoted) {
      this.#wake(leftMs);
      return { kind: 'pause', leg, leftMs };
    }
    if (pause.approval && !isPromoted) return { kind: 'approval', leg, key, what: `step ${name}` };
    return undefined;
  }

  /** The wave stays good for a while; its gates are asked all the time. */
  #soakOf(leg: Leg, reachedAt: number): Holdup | undefined {
    const { soakMs, gates } = leg.wave;
    if (this.#full) return undefined;
    this.#setWave(leg.wave.name, (wave) => ({
      ...wave,
      phase: 'Soaking',
      reachedAt: wave.reachedAt ?? new Date(reachedAt).toISOString(),
    }));
    const since = Date.parse(this.#waves.find(({ name }) => name === leg.wave.name)?.reachedAt ?? this.#now);
    const leftMs = since + soakMs - this.#input.nowMs;
    const open = this.#askGates(leg, gates, 'wave', undefined, leftMs > 0);
    const perMember = this.#live(leg).map((standing) =>
      this.#askGates(leg, gates, 'wave', standing, leftMs > 0),
    );
    if (leftMs > 0) {
      this.#wake(leftMs);
      return { kind: 'soak', leg, leftMs };
    }
    const holdup = open ?? perMember.find((each) => each !== undefined);
    if (holdup) this.#setWave(leg.wave.name, (wave) => ({ ...wave, phase: 'Gates' }));
    return holdup;
  }

  #askGates(
    leg: Leg,
    gates: Leg['planned']['gates'],
    at: 'step' | 'wave',
    standing: Standing | undefined,
    keepAsking = false,
  ): Holdup | undefined {
    let open: Holdup | undefined;
    for (const gate of gates) {
      const scope = gate.scope ?? (at === 'step' ? 'Cluster' : 'Wave');
      if ((scope === 'Cluster') !== (standing !== undefined)) continue;
      const step = at === 'step' ? leg.planned.name : undefined;
      const key = gateKey({
        revision: this.#revision,
        wave: leg.wave.name,
        step,
        member: standing?.name,
        name: gate.name,
      });
      const before = this.#gates.get(key);
      if (this.#full || this.#isPromoted(key)) {
        if (before && before.phase !== 'Passed') {
          this.#gates.set(key, { ...before, phase: 'Passed', message: 'a person let it go on' });
        }
        if (!before && gate.approval) {
          this.#gates.set(key, {
            key,
            phase: 'Passed',
            startedAt: this.#now,
            message: 'a person let it go on',
          });
        }
        continue;
      }
      const status: RolloutGateStatus = before ?? { key, phase: 'Pending', startedAt: this.#now };
      if (!before) this.#gates.set(key, status);
      if (status.phase === 'Passed' && !keepAsking) continue;
      if (gate.approval) {
        open ??= { kind: 'approval', leg, key, what: `gate ${gate.name}` };
        continue;
      }
      this.#ask(leg, gate, scope, status, step, standing);
      const after = this.#gates.get(key) ?? status;
      if (after.phase !== 'Passed') open ??= { kind: 'gate', leg, gate: after, name: gate.name };
    }
    return open;
  }

  #ask(
    leg: Leg,
    gate: Leg['planned']['gates'][number],
    scope: GateQuestion['scope'],
    status: RolloutGateStatus,
    stepName: string | undefined,
    standing: Standing | undefined,
  ): void {
    const delayMs = durationMs(gate.initialDelay, 0);
    const intervalMs = durationMs(gate.interval, defaultIntervalMs);
    const dueAt = status.lastAskedAt
      ? Date.parse(status.lastAskedAt) + intervalMs
      : Date.parse(status.startedAt ?? this.#now) + delayMs;
    if (dueAt > this.#input.nowMs) return this.#wake(dueAt - this.#input.nowMs);
    const members =
      scope === 'Fleet'
        ? [...this.#standings.keys()]
        : standing
          ? [standing.name]
          : this.#live(leg).map(({ name }) => name);
    const rolled = [...this.#standings.values()]
      .filter((each) => isTouched(each.status) && each.status.phase !== 'Reverting')
      .map(({ name }) => name);
    const counts = (status.good ?? 0) + (status.bad ?? 0) + (status.inconclusive ?? 0);
    const question: GateQuestion = {
      key: status.key,
      gate,
      scope,
      wave: leg.wave.name,
      step: stepName === undefined ? undefined : leg.step,
      stepName,
      member: standing?.name,
      members,
      rolled,
      notRolled: [...this.#standings.keys()].filter((name) => !rolled.includes(name)),
      attempt: `${status.startedAt ?? this.#now}/${counts}`,
    };
    if (gate.ready) {
      const isReady = members.every((name) => {
        const each = this.#standings.get(name);
        return each !== undefined && ['StepReached', 'Done'].includes(each.status.phase);
      });
      this.#gates.set(
        status.key,
        judgeGate(
          status,
          question,
          isReady
            ? { kind: 'good', message: 'everything is ready' }
            : { kind: 'bad', message: 'not everything is ready' },
          this.#now,
        ),
      );
      this.#wake(intervalMs);
      return;
    }
    this.questions.push(question);
    this.#wake(intervalMs);
  }

  #isPromoted(key: string): boolean {
    return this.#input.command.promotions.some(
      ({ revision, at }) => revision === this.#revision && at === key,
    );
  }

  /** What a cluster is told: the step of the last leg that it is in. */
  #order(standing: Standing, legs: readonly Leg[], targetStep: number | undefined): void {
    const { name, status, observed } = standing;
    if (status.phase === 'Reverting' && status.skipped) {
      this.orders.set(name, observed.kind === 'seen' ? { kind: 'revert' } : { kind: 'hold' });
      return;
    }
    // First what an older run left there, or two contenders would be in one cluster.
    if (observed.kind === 'seen' && observed.leftovers) {
      this.orders.set(name, { kind: 'revert' });
      return;
    }
    const own = legs.filter(({ members }) => members.includes(name));
    const wanted = own.at(-1)?.step;
    if (wanted === undefined || status.phase === 'Skipped' || observed.kind === 'unreachable') {
      this.orders.set(name, { kind: 'hold' });
      return;
    }
    const step = targetStep === undefined ? Math.max(wanted, status.step ?? 0) : Math.min(wanted, targetStep);
    const numbers = this.#input.plan.steps[step];
    if (!numbers) {
      this.orders.set(name, { kind: 'hold' });
      return;
    }
    this.orders.set(name, { kind: 'go', step, numbers: numbersOf(numbers) });
    if (status.step !== step || !isTouched(status)) {
      const { reachedAt: _, reachedStep, ...rest } = status;
      standing.status = {
        ...rest,
        ...(reachedStep !== undefined && reachedStep <= step ? { reachedStep } : {}),
        phase: 'Progressing',
        step,
        progressedAt: this.#now,
      };
      this.#judgeOnTheWay(standing, observed);
    }
  }

  #openWave({ wave }: Leg): void {
    for (const { name } of wave.name === 'all' ? this.#waves : [wave]) {
      this.#setWave(name, (each) =>
        each.phase === 'Pending' ? { ...each, phase: 'Progressing', startedAt: this.#now } : each,
      );
    }
  }

  #closeWave({ wave, endsWave, step }: Leg): void {
    if (!endsWave || step < this.#input.plan.steps.length - 1) {
      if (endsWave)
        this.#setWave(wave.name, ({ reachedAt: _, ...each }) => ({ ...each, phase: 'Progressing' }));
      return;
    }
    this.#setWave(wave.name, (each) => ({ ...each, phase: 'Done', startedAt: each.startedAt ?? this.#now }));
  }

  /** Behind the last step there is nothing more to come for a cluster. */
  #markDone({ members, step }: Leg): void {
    if (step < this.#input.plan.steps.length - 1) return;
    for (const name of members) {
      const standing = this.#standings.get(name);
      if (standing?.status.phase === 'StepReached') standing.status = { ...standing.status, phase: 'Done' };
    }
  }

  #setWave(name: string, change: (wave: WaveStatus) => WaveStatus): void {
    this.#waves = this.#waves.map((wave) => (wave.name === name ? change(wave) : wave));
  }

  #complete(): void {
    const status = withHistory(this.#run, 'Completed', 'every cluster has it', this.#now);
    this.#waves = this.#waves.map((wave) => ({ ...wave, phase: 'Done' }));
    this.#run = { ...status, stableRevision: this.#revision, completedAt: this.#now };
  }

  #wake(ms: number): void {
    const after = Math.max(1, ms);
    this.wakeAfterMs = Math.min(this.wakeAfterMs ?? after, after);
  }

  /** The next status; equal to the last where nothing changed. */
  status(holdup: Holdup): RolloutStatus {
    let run = this.#run;
    if (holdup.kind === 'reverted' && holdup.aborted) {
      run = withHistory(run, outcomeOf(run.abortedBecause ?? ''), run.abortedBecause ?? '', this.#now);
    }
    const clusters = [...this.#standings.values()].map(({ status }) => status);
    const { phase, summary } = phaseAndSummary({
      holdup,
      plan: this.#input.plan,
      clusters,
      revision: this.#revision,
      abortedBecause: run.abortedBecause,
    });
    const leg = 'leg' in holdup ? holdup.leg : undefined;
    const { wave: _, step: __, conditions: before = [], ...rest } = run;
    const next: RolloutStatus = {
      ...rest,
      phase,
      summary,
      waves: this.#waves,
      clusters,
      ...(this.#gates.size > 0 ? { gates: [...this.#gates.values()] } : {}),
      ...(leg ? { wave: leg.wave.name, step: leg.step } : {}),
      conditions: conditionsFor({ before, phase, summary, holdup, now: this.#now }),
    };
    // A superseded or taken-back run is over: the next round starts the new one.
    return same(next, this.#input.state) ? this.#input.state : next;
  }
}

function outcomeOf(because: string): 'Aborted' | 'Superseded' {
  return because.startsWith('superseded') ? 'Superseded' : 'Aborted';
}

function isAt({ phase, reachedStep, step }: RolloutClusterStatus, wanted: number): boolean {
  // Progressing at that very step again: it was there, and something fell away since.
  if (phase !== 'StepReached' && phase !== 'Done') return false;
  return (reachedStep ?? -1) >= wanted && (step ?? -1) >= wanted;
}

function resumedPhase({ phase, step, reachedStep }: RolloutClusterStatus): RolloutClusterStatus['phase'] {
  if (phase !== 'Unreachable') return phase;
  if (step === undefined) return 'Pending';
  return reachedStep === step ? 'StepReached' : 'Progressing';
}

function hasLeftovers(observed: MemberObserved): boolean {
  return observed.kind === 'seen' && (observed.leftovers ?? false);
}

function sideCounts(observed: Extract<MemberObserved, { kind: 'seen' }>): Partial<RolloutClusterStatus> {
  const counts = ({ desired, ready, trafficPercent, withTraffic }: (typeof observed)['contender']) => ({
    desired,
    ready,
    ...(trafficPercent === undefined ? {} : { traffic: withTraffic }),
  });
  return {
    contender: counts(observed.contender),
    ...(observed.incumbent ? { incumbent: counts(observed.incumbent) } : {}),
    total: observed.total,
  };
}

function hasMoved(before: RolloutClusterStatus, now: RolloutClusterStatus, stage: StageDecision): boolean {
  return (
    before.stage !== stageName(stage) ||
    before.step !== now.step ||
    stableJson([before.contender ?? {}, before.incumbent ?? {}]) !==
      stableJson([now.contender ?? {}, now.incumbent ?? {}])
  );
}

function stageName(stage: StageDecision): string {
  switch (stage.kind) {
    case 'install':
      return 'Installation';
    case 'set':
    case 'wait':
      return stage.stage;
    case 'reached':
      return '';
  }
}

function wordsOf(
  stage: StageDecision,
  { problem }: Extract<MemberObserved, { kind: 'seen' }>,
): { readonly reason: string; readonly message: string } {
  if (problem) return problem;
  switch (stage.kind) {
    case 'install':
      return { reason: 'Installing', message: 'the revision is being put in place' };
    case 'set':
      return { reason: 'Progressing', message: `${stage.stage} is being set` };
    case 'wait':
      return {
        reason: stage.stage.endsWith('Traffic') ? 'WaitingForTraffic' : 'WaitingForCapacity',
        message: stage.message,
      };
    case 'reached':
      return { reason: '', message: '' };
  }
}

function numbersOf({ capacity, traffic }: Numbers): Numbers {
  return { capacity, ...(traffic ? { traffic } : {}) };
}

/** Everything of the one revision there is. */
function whole({ traffic }: Numbers): Numbers {
  return {
    capacity: { contender: 100, incumbent: 0 },
    ...(traffic ? { traffic: { contender: 100, incumbent: 0 } } : {}),
  };
}

function same(one: RolloutStatus, other: RolloutStatus): boolean {
  return stableJson(one) === stableJson(other);
}
