import { describe, expect, it } from 'vitest';
import type { RolloutSpec, RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { promote } from '../../../../src/cli/rollout/promote.ts';
import { retry } from '../../../../src/cli/rollout/retry.ts';
import { setStep } from '../../../../src/cli/rollout/set-step.ts';
import type { Said, Verb } from '../../../../src/cli/rollout/verb.ts';
import { abort } from '../../../../src/cli/rollout/abort.ts';
import { buildPlan, decideRollout, judgeGate, shareOf } from '../../../../src/rollout/plan/steps/index.ts';
import type { Command, MemberObserved, Side } from '../../../../src/rollout/plan/steps/types.ts';
import type { GateAnswer } from '../../../../src/rollout/gates.ts';
import type { Member, MemberName } from '../../../../src/scheduling/index.ts';
import { rolloutObject } from '../../../support/rollout-objects.ts';

const members: readonly Member[] = ['eu-1', 'us-1'].map((name) => ({
  name: name as MemberName,
  labels: { name },
}));
const minuteMs = 60_000;

/**
 * The real stepper, on clusters that do what they are told at once: what a verb writes is read by what decides.
 */
class Life {
  spec: RolloutSpec;
  status: RolloutStatus = {};
  nowMs = Date.UTC(2026, 0, 1, 12);
  answer: GateAnswer = { kind: 'good', message: 'fine' };
  readonly #shares = new Map<string, number>();

  constructor(fields: Partial<RolloutSpec>) {
    this.spec = {
      source: { federatedRef: { kind: 'FederatedDeployment', name: 'web' } },
      waves: [
        { name: 'first', clusters: ['eu-1'] },
        { name: 'rest', clusterSelector: {} },
      ],
      ...fields,
    };
  }

  get rollout() {
    return { ...rolloutObject({ status: this.status }), spec: this.spec };
  }

  /** Until nothing changes any more; time stands still. */
  settle(): this {
    for (let round = 0; round < 60; round++) {
      const before = JSON.stringify([this.status, [...this.#shares]]);
      this.#round();
      if (JSON.stringify([this.status, [...this.#shares]]) === before) return this;
    }
    throw new Error(`it never comes to rest: ${JSON.stringify(this.status)}`);
  }

  wait(ms: number): this {
    this.nowMs += ms;
    return this.settle();
  }

  say(verb: Verb): Said {
    const said = verb(this.rollout);
    if (said.kind === 'change') {
      const command: Record<string, unknown> = { ...this.spec.command, ...said.command };
      for (const [field, value] of Object.entries(command)) if (value === null) delete command[field];
      this.spec = { ...this.spec, command: command as NonNullable<RolloutSpec['command']> };
    }
    this.settle();
    return said;
  }

  promote(gate?: string, full = false): Said {
    return this.say(promote({ gate, full, now: new Date(this.nowMs).toISOString(), by: 'alice' }));
  }

  #round(): void {
    const planned = buildPlan({
      name: 'web',
      namespace: 'shop',
      spec: this.spec,
      members,
      selected: members.map(({ name }) => name),
    });
    if (!planned.ok) throw new Error(JSON.stringify(planned.problems));
    const {
      paused = false,
      abort: aborted,
      retry: again,
      targetStep,
      promotions = [],
    } = this.spec.command ?? {};
    const command: Command = { paused, abort: aborted, retry: again, targetStep, promotions };
    const result = decideRollout({
      plan: planned.plan,
      revision: 'new11111',
      stableRevision: 'old00000',
      state: this.status,
      command,
      observed: new Map(members.map(({ name }) => [name, this.#observe(name)])),
      blockedBy: undefined,
      nowMs: this.nowMs,
    });
    this.status = { ...result.status, observedGeneration: 2 };
    for (const question of result.questions) {
      const gates = this.status.gates ?? [];
      const before = gates.find(({ key }) => key === question.key);
      const judged = judgeGate(before, question, this.answer, new Date(this.nowMs).toISOString());
      this.status = { ...this.status, gates: [...gates.filter(({ key }) => key !== question.key), judged] };
    }
    for (const [name, order] of result.orders) {
      if (order.kind === 'go') this.#shares.set(name, order.numbers.capacity.contender);
      if (order.kind === 'revert') this.#shares.delete(name);
    }
  }

  #observe(name: string): MemberObserved {
    const percent = this.#shares.get(name);
    const total = 10;
    const contender = shareOf(total, percent ?? 0);
    const side = (count: number, share: number | undefined): Side => ({
      capacityPercent: share,
      desired: count,
      ready: count,
      capacityReady: true,
      trafficPercent: undefined,
      trafficReady: true,
      withTraffic: count,
    });
    return {
      kind: 'seen',
      revision: percent === undefined ? 'old00000' : 'new11111',
      installed: percent !== undefined,
      contender: side(contender, percent),
      incumbent: side(total - contender, 100 - (percent ?? 0)),
      total,
      problem: undefined,
    };
  }
}

const half = { name: 'half', capacity: { contender: 50 } };
const full = { name: 'full', capacity: { contender: 100 } };
const approval = { ...half, pause: { approval: true } };
const prometheus = { url: 'http://prometheus', query: 'errors', success: 'result < 1' };

describe('promote', () => {
  it.each(['WaveMajor', 'StepMajor', 'Lockstep'] as const)(
    'lets every pause for a person go on in turn (%s)',
    (progress) => {
      const life = new Life({ steps: [approval, full], progress }).settle();
      let words = 0;
      while (life.status.phase === 'WaitingForApproval' && words < 10) {
        expect(life.promote().kind).toBe('change');
        words += 1;
      }
      expect(life.status.phase).toBe('Completed');
      expect(words).toBe(progress === 'Lockstep' ? 1 : 2);
    },
  );

  it('records the revision, what was let go, who and when', () => {
    const life = new Life({ steps: [approval, full] }).settle();
    life.promote();
    expect(life.spec.command?.promotions).toEqual([
      { revision: 'new11111', at: 'first/half', by: 'alice', time: '2026-01-01T12:00:00.000Z' },
    ]);
  });

  it('says what it let go', () => {
    expect(new Life({ steps: [approval, full] }).settle().promote()).toMatchObject({
      told: 'shop/web goes on past the pause of step half in wave first.',
    });
  });

  it('passes gates that ask for a person, in each cluster of the place', () => {
    const gates = [{ name: 'sign-off', approval: {} }];
    const life = new Life({
      steps: [{ ...half, gates }, full],
      waves: [{ name: 'all', clusterSelector: {} }],
    }).settle();
    expect(life.status.phase).toBe('WaitingForApproval');
    expect(life.promote()).toMatchObject({
      told: 'shop/web goes on past gate sign-off of eu-1, gate sign-off of us-1.',
    });
    expect(life.status.phase).toBe('Completed');
  });

  it('ends a pause that would end by itself', () => {
    const life = new Life({ steps: [{ ...half, pause: { duration: '5m' } }, full] }).settle();
    expect(life.status).toMatchObject({ phase: 'Progressing', step: 0 });
    life.promote();
    expect(life.status.waves?.[0]?.phase).toBe('Done');
    expect(
      new Life({ steps: [{ ...half, pause: { duration: '5m' } }, full] }).settle().wait(6 * minuteMs).status
        .waves?.[0]?.phase,
    ).toBe('Done');
  });

  it.each([
    ['said no', { kind: 'bad', message: 'errors' }, {}],
    ['said nothing too often', { kind: 'inconclusive', message: 'no data' }, { inconclusiveLimit: 1 }],
  ] as const)('passes over a gate that %s', (_, answer, more) => {
    const gates = [{ name: 'errors', prometheus, interval: '1s', ...more }];
    const life = new Life({
      steps: [{ ...half, gates }, full],
      waves: [{ name: 'all', clusterSelector: {} }],
    });
    life.answer = answer;
    for (let second = 0; second < 5; second++) life.wait(1000);
    expect(life.status.phase).toBe('Paused');
    expect(life.promote()).toMatchObject({ told: expect.stringContaining('gate errors of eu-1') as string });
    life.wait(1000);
    expect(life.status.phase).toBe('Completed');
  });

  it('passes over one gate by its name while it is being asked', () => {
    const gates = [{ name: 'errors', prometheus, count: 100 }];
    const life = new Life({
      steps: [{ ...half, gates }, full],
      waves: [{ name: 'all', clusterSelector: {} }],
    }).settle();
    expect(life.promote()).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('new11111/all/half/eu-1/errors') as string,
    });
    expect(life.promote('nonsense').kind).toBe('refused');
    expect(life.promote('new11111/all/half/eu-1/errors').kind).toBe('change');
    expect(life.status.phase).toBe('Progressing');
    expect(life.promote('errors').kind).toBe('change');
    expect(life.status.phase).toBe('Completed');
  });

  it('--full lets everything go that is left, and is said once', () => {
    const waves = [
      { name: 'first', clusters: ['eu-1'], soak: '1h' },
      { name: 'rest', clusterSelector: {} },
    ];
    const life = new Life({
      steps: [{ ...approval, gates: [{ name: 'ok', approval: {} }] }, full],
      waves,
    }).settle();
    expect(life.promote(undefined, true).kind).toBe('change');
    expect(life.status.phase).toBe('Completed');
    const running = new Life({
      steps: [{ ...half, pause: { duration: '5m' } }, full],
      command: { paused: true },
    }).settle();
    expect(running.promote(undefined, true)).toMatchObject({
      told: expect.stringContaining('still paused') as string,
    });
    expect(running.promote(undefined, true).kind).toBe('already');
  });

  it('is refused when nothing waits, with what would pass over the rest', () => {
    const waves = [
      { name: 'first', clusters: ['eu-1'], soak: '1h' },
      { name: 'rest', clusterSelector: {} },
    ];
    const life = new Life({ waves }).settle();
    expect(life.status.phase).toBe('Soaking');
    expect(life.promote()).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('hansa rollout promote web --full -n shop') as string,
    });
    expect(new Life({}).settle().promote()).toMatchObject({ kind: 'refused' });
    expect(promote({ gate: undefined, full: true, now: '', by: '' })(rolloutObject()).kind).toBe('refused');
  });

  it('keeps the words of this revision when there are too many', () => {
    const old = Array.from({ length: 256 }, (_, index) => ({
      revision: index < 250 ? 'older' : 'new11111',
      at: `x/${index}`,
    }));
    const life = new Life({ steps: [approval, full], command: { promotions: old } }).settle();
    life.promote();
    const words = life.spec.command?.promotions ?? [];
    expect(words).toHaveLength(256);
    expect(words.filter(({ revision }) => revision === 'new11111')).toHaveLength(7);
  });

  it('passes over the gate of a wave that said no', () => {
    const gates = [{ name: 'errors', prometheus, interval: '1s' }];
    const waves = [
      { name: 'first', clusters: ['eu-1'], gates },
      { name: 'rest', clusterSelector: {} },
    ];
    const life = new Life({ waves });
    life.answer = { kind: 'bad', message: 'errors' };
    life.settle().wait(1000);
    expect(life.status.phase).toBe('Paused');
    expect(life.promote().kind).toBe('change');
    expect(life.status.phase).toBe('Completed');
  });
});

describe('the other verbs, heard by the stepper', () => {
  it('abort takes it back, and retry starts it again', () => {
    const life = new Life({ steps: [approval, full] }).settle();
    life.say(abort({ reason: undefined, by: 'alice' }));
    expect(life.status.phase).toBe('Aborted');
    life.say(retry('2026-01-01T13:00:00Z'));
    expect(life.status.phase).toBe('WaitingForApproval');
  });

  it('set-step goes on, back and to the end', () => {
    const life = new Life({ steps: [half, full], progress: 'Lockstep' });
    life.status = {};
    life.say(setStep('half'));
    expect(life.status).toMatchObject({ phase: 'Paused', clusters: [{ step: 0 }, { step: 0 }] });
    life.say(setStep('end'));
    expect(life.status.phase).toBe('Completed');
  });
});
