import { expect } from 'vitest';
import type { RolloutSpec, RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import {
  buildPlan,
  decideRollout,
  judgeGate,
  nextStage,
  nextStageBack,
  shareOf,
} from '../../../../src/rollout/plan/steps/index.ts';
import type { GateAnswer } from '../../../../src/rollout/gates.ts';
import type {
  Command,
  GateQuestion,
  MemberObserved,
  RolloutPlan,
  Side,
  StageDecision,
  StepperResult,
  Transition,
} from '../../../../src/rollout/plan/steps/types.ts';
import type { Member, MemberName } from '../../../../src/scheduling/index.ts';

interface Workload {
  /** Pods wanted and ready, by revision. */
  readonly pods: Map<string, { percent: number; desired: number; ready: number; broken: boolean }>;
  /** Revision that is installed beside, or in place of, the stable one. */
  installed: string | undefined;
  stable: string | undefined;
  reachable: boolean;
}

const noCommand: Command = {
  paused: false,
  abort: undefined,
  retry: undefined,
  targetStep: undefined,
  promotions: [],
};

export interface FleetOptions {
  readonly spec: Partial<RolloutSpec>;
  readonly members: Readonly<Record<string, string>>;
  readonly total?: number;
  readonly stable?: string;
}

/** Clusters in memory that do what they are told, pod by pod, under the real stepper. */
export class Fleet {
  readonly members: readonly Member[];
  readonly workloads = new Map<string, Workload>();
  readonly heard: Transition[] = [];
  readonly total: number;
  command: Command = noCommand;
  revision: string;
  status: RolloutStatus;
  blockedBy: string | undefined;
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  brokenRevisions = new Set<string>();
  answer: (question: GateQuestion) => GateAnswer = () => ({ kind: 'good', message: 'fine' });
  readonly #spec: RolloutSpec;
  readonly asked: GateQuestion[] = [];

  constructor({ spec, members, total = 10, stable = 'old' }: FleetOptions) {
    this.total = total;
    this.revision = stable;
    this.status = stable ? { revision: stable, stableRevision: stable } : {};
    this.members = Object.entries(members).map(([name, region]) => ({
      name: name as MemberName,
      labels: { region },
    }));
    this.#spec = {
      source: { manifests: [{}] },
      placement: { clusterSelector: {} },
      mode: 'SideBySide',
      ...spec,
    };
    for (const { name } of this.members) {
      const pods: Workload['pods'] = new Map();
      if (stable) pods.set(stable, { percent: 100, desired: total, ready: total, broken: false });
      this.workloads.set(name, { pods, installed: undefined, stable: stable || undefined, reachable: true });
    }
  }

  get plan(): RolloutPlan {
    const planned = buildPlan({ name: 'web', namespace: 'shop', spec: this.#spec, members: this.members });
    if (!planned.ok) throw new Error(JSON.stringify(planned.problems));
    return planned.plan;
  }

  observe(): Map<string, MemberObserved> {
    return new Map([...this.workloads].map(([name, workload]) => [name, this.#see(workload)]));
  }

  decide(): StepperResult {
    return decideRollout({
      plan: this.plan,
      revision: this.revision,
      stableRevision: undefined,
      state: this.status,
      command: this.command,
      observed: this.observed(),
      blockedBy: this.blockedBy,
      nowMs: this.nowMs,
    });
  }

  observed(): Map<string, MemberObserved> {
    return this.observe();
  }

  /** One round of the controller, and one of the clusters; time goes on by a second. */
  round(): StepperResult {
    const result = this.decide();
    // A controller that was killed after it wrote the status decides the same again.
    this.status = result.status;
    // What was superseded is over with this round, and the next one starts the new run.
    if (this.status.phase !== 'Aborted' || this.status.revision === this.revision) {
      expect(this.decide().transitions).toEqual([]);
    }
    this.heard.push(...result.transitions);
    for (const question of result.questions) {
      this.asked.push(question);
      const gates = [...(this.status.gates ?? [])];
      const at = gates.findIndex(({ key }) => key === question.key);
      const judged = judgeGate(
        gates[at],
        question,
        this.answer(question),
        new Date(this.nowMs).toISOString(),
      );
      if (at < 0) gates.push(judged);
      else gates[at] = judged;
      this.status = { ...this.status, gates };
    }
    for (const [name, order] of result.orders) this.#act(name, order);
    for (const workload of this.workloads.values()) this.#grow(workload);
    this.nowMs += 1_000;
    return result;
  }

  run(rounds: number, each: () => void = () => {}): this {
    for (let done = 0; done < rounds; done++) {
      this.round();
      each();
    }
    return this;
  }

  /** Rounds until the run is over; fails where it never is. */
  finish(each: () => void = () => {}): this {
    for (let rounds = 0; rounds < 600; rounds++) {
      this.round();
      each();
      if (['Completed', 'Aborted', 'Failed'].includes(this.status.phase ?? '')) return this;
    }
    throw new Error(`still ${this.status.phase}: ${this.status.summary}`);
  }

  pods(name: string): Record<string, number> {
    const workload = this.workloads.get(name) as Workload;
    return Object.fromEntries(
      [...workload.pods]
        .filter(([, { desired }]) => desired > 0)
        .map(([revision, { ready }]) => [revision, ready]),
    );
  }

  ready(name: string): number {
    return [...(this.workloads.get(name) as Workload).pods.values()].reduce(
      (sum, { ready }) => sum + ready,
      0,
    );
  }

  phases(): Record<string, string> {
    return Object.fromEntries((this.status.clusters ?? []).map(({ name, phase }) => [name, phase]));
  }

  #see(workload: Workload): MemberObserved {
    if (!workload.reachable) return { kind: 'unreachable', message: 'no route' };
    const { installed, stable, pods } = workload;
    const side = (revision: string | undefined): Side => {
      const group = revision === undefined ? undefined : pods.get(revision);
      return {
        capacityPercent: group?.percent,
        desired: group?.desired ?? 0,
        ready: group?.ready ?? 0,
        capacityReady: (group?.ready ?? 0) === (group?.desired ?? 0),
        trafficPercent: undefined,
        trafficReady: true,
        withTraffic: group?.ready ?? 0,
      };
    };
    const working = this.status.revision ?? this.revision;
    const isIn = installed === working || stable === working;
    return {
      kind: 'seen',
      revision: isIn ? working : stable,
      installed: isIn,
      contender: side(isIn ? working : undefined),
      incumbent: stable === undefined || stable === working ? undefined : side(stable),
      total: this.total,
      leftovers: installed !== undefined && installed !== working,
      problem: undefined,
    };
  }

  #act(name: string, order: ReturnType<StepperResult['orders']['get']>): void {
    const workload = this.workloads.get(name) as Workload;
    const seen = this.#see(workload);
    if (!order || order.kind === 'hold' || seen.kind === 'unreachable') return;
    const options = {
      revision: this.status.revision ?? '',
      ignoreIncumbentHealth: this.plan.ignoreIncumbentHealth,
      minHealthyPercent: this.plan.minHealthyPercent,
    };
    const decision =
      order.kind === 'go' ? nextStage(order.numbers, seen, options) : nextStageBack(seen, options);
    this.#carryOut(workload, decision, order.kind === 'revert');
    if (this.status.phase === 'Completed') this.#settle(workload);
  }

  #carryOut(workload: Workload, decision: StageDecision, isBack: boolean): void {
    const working = this.status.revision ?? '';
    switch (decision.kind) {
      case 'install':
        workload.installed = working;
        workload.pods.set(working, {
          percent: 0,
          desired: 0,
          ready: 0,
          broken: this.brokenRevisions.has(working),
        });
        return;
      case 'set':
        if (decision.capacity?.contender !== undefined)
          this.#scale(workload, working, decision.capacity.contender);
        if (decision.capacity?.incumbent !== undefined && workload.stable !== undefined) {
          this.#scale(workload, workload.stable, decision.capacity.incumbent);
        }
        return;
      case 'reached':
        if (isBack) {
          workload.pods.delete(workload.installed ?? '');
          workload.installed = undefined;
        }
        return;
      case 'wait':
    }
  }

  #scale(workload: Workload, revision: string, percent: number): void {
    const group = workload.pods.get(revision);
    if (!group) return;
    group.percent = percent;
    group.desired = shareOf(this.total, percent);
    group.ready = Math.min(group.ready, group.desired);
  }

  #settle(workload: Workload): void {
    const working = this.status.revision;
    if (working === undefined || workload.installed !== working) return;
    for (const revision of workload.pods.keys()) if (revision !== working) workload.pods.delete(revision);
    workload.stable = working;
    workload.installed = undefined;
  }

  #grow({ pods, reachable }: Workload): void {
    if (!reachable) return;
    for (const group of pods.values()) if (!group.broken && group.ready < group.desired) group.ready++;
  }
}
