import { describe, expect, it } from 'vitest';
import { HansaError, silentLogger } from '../../../../src/base/index.ts';
import type {
  BundleSource,
  ClusterStore,
  Executor,
  Executors,
  Observation,
} from '../../../../src/provision/engine/executor.ts';
import { type RunOptions, runPlan } from '../../../../src/provision/engine/run-plan.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import { type Step, type StepKind, stepKinds } from '../../../../src/provision/plan/steps.ts';
import { createRedactor } from '../../../../src/provision/transport/index.ts';
import { spec } from '../plan/day-two-world.ts';

function step(id: string, change: Partial<Step> = {}): Step {
  const [machine, kind] = id.split('/') as [string, StepKind];
  return {
    id,
    kind,
    machine,
    title: kind,
    reason: 'a test',
    needs: [],
    inputs: {},
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
    ...change,
  };
}

const todo: Observation = { kind: 'todo', why: 'not so yet' };

function executor(change: Partial<Executor> = {}): Executor {
  return {
    observe: async () => todo,
    apply: async () => undefined,
    verify: async () => undefined,
    ...change,
  };
}

interface World {
  readonly journal: JournalRecord[];
  readonly slept: number[];
  readonly shown: string[];
}

/** Runs steps with executors by kind; time passes as fast as anybody sleeps. */
async function run(
  steps: readonly Step[],
  by: Partial<Record<StepKind, Executor>>,
  change: Partial<RunOptions> & { readonly journal?: JournalRecord[] } = {},
) {
  const world: World = { journal: change.journal ?? [], slept: [], shown: [] };
  let nowMs = 0;
  const store: ClusterStore = {
    secrets: { get: async () => undefined, put: async () => undefined, remove: async () => undefined },
    journal: async () => [...world.journal],
    append: async (record) => void world.journal.push(record),
    lock: () => Promise.reject(new Error('not here')),
  };
  const result = await runPlan(
    { steps, refusals: [], warnings: [] },
    {
      spec: spec(['m1']),
      sight: { kind: 'absent' },
      group: {
        machine: () => {
          throw new Error('no machine');
        },
        healthyControlPlane: () => Promise.reject(new Error('none')),
      },
      executors: Object.fromEntries(
        stepKinds.map((kind) => [kind, by[kind] ?? executor()]),
      ) as unknown as Executors,
      store,
      bundle: {} as BundleSource,
      operation: 'apply-2',
      concurrency: 8,
      clock: {
        now: () => nowMs,
        monotonic: () => nowMs,
        sleep: async (ms, signal) => {
          signal?.throwIfAborted();
          world.slept.push(ms);
          nowMs += ms;
        },
        after: () => () => undefined,
      },
      rng: () => 0.5,
      logger: silentLogger,
      progress: {
        step: (title) => ({
          update: (detail) => void world.shown.push(`${title}: ${detail}`),
          done: (detail) => void world.shown.push(`${title} done ${detail ?? ''}`.trim()),
          fail: (detail) => void world.shown.push(`${title} failed: ${detail}`),
        }),
      },
      redactor: createRedactor(['hunter2-hunter2']),
      signal: new AbortController().signal,
      ...change,
    },
  );
  return { ...world, result, ends: Object.fromEntries(result.steps.map((each) => [each.step.id, each.end])) };
}

const events = (journal: readonly JournalRecord[]) => journal.map(({ step: id, event }) => `${id} ${event}`);
const failing = (reason: string, retry: HansaError['retry'], times = Number.POSITIVE_INFINITY) => {
  let count = 0;
  return executor({
    apply: async () => {
      count += 1;
      if (count <= times) throw new HansaError(`it failed with ${reason}`, { reason, retry });
    },
  });
};

describe('a step', () => {
  it('is journalled before it changes anything, its intents too, and with its evidence when it is done', async () => {
    const { journal } = await run([step('m1/join-worker')], {
      'join-worker': executor({
        apply: async (context) => {
          expect(context.journal.at(-1)).toMatchObject({ event: 'started' });
          await context.intent({ node: 'm1' });
          expect(context.journal.at(-1)).toMatchObject({ event: 'intent', evidence: { node: 'm1' } });
          context.note({ uid: '7' });
        },
      }),
    });
    expect(events(journal)).toEqual([
      'm1/join-worker started',
      'm1/join-worker intent',
      'm1/join-worker done',
    ]);
    expect(journal.at(-1)).toMatchObject({ operation: 'apply-2', attempt: 1, evidence: { uid: '7' } });
  });

  it('that is done already is not begun; the journal learns of it once', async () => {
    const by = { 'set-node': executor({ observe: async () => ({ kind: 'done' }) }) };
    const { journal, ends } = await run([step('m1/set-node')], by);
    expect(ends['m1/set-node']).toEqual({ kind: 'nothing-to-do' });
    expect(events(journal)).toEqual(['m1/set-node done']);
    expect(events((await run([step('m1/set-node')], by, { journal })).journal)).toEqual(['m1/set-node done']);
    const changed = step('m1/set-node', { inputs: { labels: { a: 'b' } } });
    expect((await run([changed], by, { journal })).journal).toHaveLength(2);
  });

  it('that is blocked ends with its message, and stops what needs it and nothing else', async () => {
    const { ends } = await run(
      [step('m1/leave-etcd'), step('m1/reset-machine', { needs: ['m1/leave-etcd'] }), step('w1/set-node')],
      {
        'leave-etcd': executor({
          observe: async () => ({ kind: 'blocked', reason: 'QuorumAtRisk', message: '3 voters, 2 healthy' }),
        }),
      },
    );
    expect(ends).toMatchObject({
      'm1/leave-etcd': { kind: 'blocked', reason: 'QuorumAtRisk', message: '3 voters, 2 healthy' },
      'm1/reset-machine': { kind: 'not-started', because: 'm1/leave-etcd' },
      'w1/set-node': { kind: 'done' },
    });
  });

  it('shows no secret, in progress, journal or result', async () => {
    const { shown, journal, ends } = await run([step('m1/join-worker')], {
      'join-worker': executor({
        apply: async (context) => {
          context.update('kubeadm join --token abcdef.0123456789abcdef');
          throw new HansaError('sudo said hunter2-hunter2 is wrong', {
            reason: 'SudoFailed',
            retry: 'never',
          });
        },
      }),
    });
    const all = JSON.stringify([shown, journal, ends]);
    expect(all).toContain('is wrong');
    expect(all).not.toMatch(/hunter2|0123456789abcdef/);
  });
});

describe('a step that fails', () => {
  it('is tried again after a growing delay, looked at anew each time', async () => {
    const { slept, ends, journal } = await run([step('m1/copy-pki')], {
      'copy-pki': failing('ConnectionLost', 'backoff', 2),
    });
    expect(ends['m1/copy-pki']?.kind).toBe('done');
    expect(slept).toEqual([1500, 3000]);
    expect(journal.map(({ attempt, event }) => `${attempt} ${event}`)).toEqual([
      '1 started',
      '1 failed',
      '2 started',
      '2 failed',
      '3 started',
      '3 done',
    ]);
  });

  it('waits as long as the error says', async () => {
    const { slept } = await run([step('m1/copy-pki')], { 'copy-pki': failing('Busy', { afterMs: 7000 }, 1) });
    expect(slept).toEqual([7000]);
  });

  it.each([
    ['never', failing('CaMismatch', 'never')],
    ['unknown', executor({ apply: () => Promise.reject(new TypeError('x is undefined')) })],
  ])('is not tried again if its law is %s', async (_, copyPki) => {
    const { slept, ends } = await run([step('m1/copy-pki')], { 'copy-pki': copyPki });
    expect(slept).toEqual([]);
    expect(ends['m1/copy-pki']?.kind).toBe('failed');
  });

  it('three times is given up, and what can safely be put back is', async () => {
    const undone: string[] = [];
    const { ends, journal } = await run([step('m1/cordon-and-drain')], {
      'cordon-and-drain': {
        ...failing('DrainTimedOut', 'backoff'),
        undo: async (_, { id }) => void undone.push(id),
      },
    });
    expect(undone).toEqual(['m1/cordon-and-drain']);
    expect(ends['m1/cordon-and-drain']).toMatchObject({ kind: 'failed', isUndone: true });
    expect(journal.at(-1)).toMatchObject({ event: 'undone', attempt: 3 });
  });

  it('after it has waited long by itself is not tried again, unless only the connection was lost', async () => {
    const slow = (reason: string) => {
      let count = 0;
      return executor({
        apply: async ({ clock, signal }) => {
          count += 1;
          if (count > 1) return;
          await clock.sleep(240_000, signal);
          throw new HansaError(reason, { reason });
        },
      });
    };
    expect((await run([step('m1/verify-node')], { 'verify-node': slow('NodeNotReady') })).ends).toMatchObject(
      {
        'm1/verify-node': { kind: 'failed' },
      },
    );
    expect(
      (await run([step('m1/verify-node')], { 'verify-node': slow('MachineRestarted') })).ends,
    ).toMatchObject({
      'm1/verify-node': { kind: 'done' },
    });
  });
});

describe('steps beside each other', () => {
  it('never share a word that excludes, and never are more than may be', async () => {
    const running = new Set<string>();
    let most = 0;
    const busy = executor({
      apply: async (_, { id, exclusive }) => {
        running.add(`${exclusive} ${id}`);
        most = Math.max(most, running.size);
        expect([...running].filter((each) => each.startsWith('etcd')).length).toBeLessThanOrEqual(1);
        for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
        running.delete(`${exclusive} ${id}`);
      },
    });
    const steps = ['m1', 'm2', 'm3', 'm4'].map((name) =>
      step(`${name}/join-control-plane`, { exclusive: 'etcd' }),
    );
    const others = ['w1', 'w2', 'w3'].map((name) => step(`${name}/join-worker`));
    const { result } = await run(
      [...steps, ...others],
      { 'join-control-plane': busy, 'join-worker': busy },
      {
        concurrency: 3,
      },
    );
    expect(result.isComplete).toBe(true);
    expect(most).toBe(3);
  });

  it('wait for what they need, however long the plan is', async () => {
    const seen: string[] = [];
    const noting = executor({ apply: async (_, { id }) => void seen.push(id) });
    const { result } = await run(
      [
        step('m1/set-node', { needs: ['m1/join-worker'] }),
        step('m1/join-worker', { needs: ['m1/prepare-host', 'm1/left-out-as-done'] }),
        step('m1/prepare-host'),
      ],
      { 'set-node': noting, 'join-worker': noting, 'prepare-host': noting },
    );
    expect(result.isComplete).toBe(true);
    expect(seen).toEqual(['m1/prepare-host', 'm1/join-worker', 'm1/set-node']);
  });

  it('that wait for one another are a fault of the plan', async () => {
    const steps = [
      step('a/set-node', { needs: ['b/set-node'] }),
      step('b/set-node', { needs: ['a/set-node'] }),
    ];
    await expect(run(steps, {})).rejects.toMatchObject({ reason: 'PlanInvalid' });
  });

  it('of a refused plan are never begun', async () => {
    const refusals = [{ reason: 'Paused', machine: undefined, field: undefined, message: 'it is paused' }];
    await expect(
      runPlan({ steps: [step('m1/set-node')], refusals, warnings: [] }, {} as RunOptions),
    ).rejects.toMatchObject({ reason: 'PlanRefused', message: expect.stringContaining('it is paused') });
  });
});

describe('a run that is told to stop', () => {
  it('now: what is under way counts as interrupted, is not undone, and nothing else begins', async () => {
    const stop = new AbortController();
    const { ends, journal } = await run(
      [step('m1/join-worker'), step('m1/set-node', { needs: ['m1/join-worker'] })],
      {
        'join-worker': executor({
          apply: async ({ signal }) => {
            stop.abort(new Error('Ctrl-C'));
            signal.throwIfAborted();
          },
          undo: () => Promise.reject(new Error('must not be undone')),
        }),
      },
      { signal: stop.signal },
    );
    expect(ends).toEqual({
      'm1/join-worker': { kind: 'interrupted' },
      'm1/set-node': { kind: 'not-started', because: 'm1/join-worker' },
    });
    expect(events(journal)).toEqual(['m1/join-worker started', 'm1/join-worker interrupted']);
  });

  it('after this step: what is under way comes to its end', async () => {
    const stopping = new AbortController();
    const { ends } = await run(
      [step('m1/join-worker'), step('m1/set-node', { needs: ['m1/join-worker'] })],
      { 'join-worker': executor({ apply: async () => stopping.abort() }) },
      { stopping: stopping.signal },
    );
    expect(ends).toMatchObject({
      'm1/join-worker': { kind: 'done' },
      'm1/set-node': { kind: 'not-started', because: undefined },
    });
  });
});

describe('a run after a killed one', () => {
  it('tells once that the open attempts were interrupted, of whatever plan they were', async () => {
    const left: JournalRecord = {
      at: '2026-11-23T07:00:00Z',
      operation: 'apply-1',
      step: 'm3/join-control-plane',
      attempt: 1,
      event: 'started',
      inputs: '',
      evidence: {},
      message: undefined,
    };
    const { journal } = await run([step('m1/set-node')], {}, { journal: [left] });
    expect(events(journal)).toEqual([
      'm3/join-control-plane started',
      'm3/join-control-plane interrupted',
      'm1/set-node started',
      'm1/set-node done',
    ]);
    expect(journal[1]).toMatchObject({ operation: 'apply-1', attempt: 1 });
    expect(events((await run([], {}, { journal })).journal)).toHaveLength(4);
  });
});
