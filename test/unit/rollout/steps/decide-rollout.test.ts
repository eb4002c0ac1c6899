import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fleet } from './fleet.ts';

const canary = { name: 'canary', capacity: { contender: 10 } };
const furtherSteps = [
  { name: 'half', capacity: { contender: 50 } },
  { name: 'full', capacity: { contender: 100 } },
];
const steps = [canary, ...furtherSteps];
const first = { name: 'first', clusterSelector: { matchLabels: { region: 'eu' } } };
const rest = { name: 'rest', clusterSelector: {} };
const twoWaves = [first, rest];
const members = { eu1: 'eu', us1: 'us', us2: 'us' };

function fleet(spec: ConstructorParameters<typeof Fleet>[0]['spec'] = {}) {
  const made = new Fleet({ spec: { steps, waves: twoWaves, ...spec }, members });
  made.run(2);
  made.revision = 'new';
  return made;
}

describe('a rollout in two waves', () => {
  it('ends everywhere, wave by wave, and never with fewer ready pods than promised', () => {
    const world = fleet();
    world.finish(() => {
      for (const name of Object.keys(members)) expect(world.ready(name)).toBeGreaterThanOrEqual(10);
      if ('new' in world.pods('us1')) expect(world.pods('eu1')['new']).toBe(10);
    });
    expect(world.status).toMatchObject({ phase: 'Completed', stableRevision: 'new' });
    expect(world.status.history).toMatchObject([{ revision: 'new', outcome: 'Completed' }]);
    world.run(3);
    for (const name of Object.keys(members)) expect(world.pods(name)).toEqual({ new: 10 });
    expect(world.phases()).toEqual({ eu1: 'Done', us1: 'Done', us2: 'Done' });
  });

  it('stays as it is when nothing is new', () => {
    const world = new Fleet({ spec: { steps, waves: twoWaves }, members }).run(2);
    const { status } = world;
    world.run(5);
    expect(world.status).toBe(status);
    expect(world.status.phase).toBe('Idle');
    expect(world.heard).toEqual([]);
  });

  it('walks the steps on the first revision too', () => {
    const world = new Fleet({ spec: { steps, waves: twoWaves }, members, stable: '' });
    world.revision = 'new';
    world.run(2);
    expect(world.pods('eu1')).toEqual({ new: 1 });
    world.finish();
    expect(world.status.stableRevision).toBe('new');
  });

  it('lets no more clusters be under way than maxConcurrentClusters says', () => {
    const world = fleet({ waves: [{ name: 'all', clusterSelector: {}, maxConcurrentClusters: 1 }] });
    world.finish(() => {
      const underWay = Object.values(world.phases()).filter((phase) =>
        ['Progressing', 'StepReached'].includes(phase),
      );
      expect(underWay.length).toBeLessThanOrEqual(1);
    });
  });

  it('goes step by step through all waves with StepMajor, and all at once with Lockstep', () => {
    for (const progress of ['StepMajor', 'Lockstep'] as const) {
      const world = fleet({ progress });
      world.finish(() => {
        const reached = (world.status.clusters ?? []).map(({ reachedStep = -1 }) => reachedStep);
        expect(Math.max(...reached) - Math.min(...reached)).toBeLessThanOrEqual(
          progress === 'Lockstep' ? 1 : 1,
        );
      });
    }
  });

  it('tells each transition once', () => {
    const world = fleet().finish();
    const told = world.heard.map(({ message, reason }) => `${reason} ${message}`);
    expect(new Set(told).size).toBe(told.length);
    expect(told.filter((line) => line.startsWith('RolloutStarted'))).toHaveLength(1);
    expect(told.filter((line) => line.startsWith('RolloutCompleted'))).toHaveLength(1);
  });
});

describe('what holds a rollout up', () => {
  it('is a pause, for its time', () => {
    const world = fleet({ steps: [{ ...canary, pause: { duration: '60s' } }, ...furtherSteps] });
    world.run(30);
    expect(world.pods('eu1')).toEqual({ old: 9, new: 1 });
    expect(world.decide().wakeAfterMs).toBeLessThanOrEqual(60_000);
    world.run(60);
    expect(world.pods('eu1')['new']).toBeGreaterThan(1);
  });

  it('is a person who has not said yes yet', () => {
    const world = fleet({ steps: [{ ...canary, pause: { approval: true } }, ...furtherSteps] });
    world.run(50);
    expect(world.status.phase).toBe('WaitingForApproval');
    world.command = { ...world.command, promotions: [{ revision: 'new', at: 'first/canary' }] };
    world.run(30);
    expect(world.status).toMatchObject({ phase: 'WaitingForApproval', wave: 'rest' });
    world.command = { ...world.command, promotions: [{ revision: 'new', at: 'full' }] };
    world.finish();
    expect(world.status.phase).toBe('Completed');
  });

  it('is the soak of a wave, whose gates are asked meanwhile', () => {
    const gates = [{ name: 'errors', webhook: { url: 'http://x' }, interval: '5s', count: 2 }];
    const world = fleet({ waves: [{ ...first, soak: '60s', gates }, rest] });
    world.run(40);
    expect(world.status.phase).toBe('Soaking');
    expect(world.asked.length).toBeGreaterThan(2);
    expect(world.asked[0]).toMatchObject({ scope: 'Wave', rolled: ['eu1'], notRolled: ['us1', 'us2'] });
    expect(world.pods('us1')).toEqual({ old: 10 });
    world.finish();
  });

  it('is a wave whose soak turned bad: what failed is taken back', () => {
    const gates = [{ name: 'errors', webhook: { url: 'http://x' }, interval: '5s' }];
    const world = fleet({
      waves: [{ ...first, soak: '60s', gates }, rest],
      failurePolicy: 'AbortAll',
    });
    world.run(40);
    world.answer = () => ({ kind: 'bad', message: '7 % errors' });
    world.finish(() => expect(world.ready('eu1')).toBeGreaterThanOrEqual(10));
    expect(world.status.phase).toBe('Aborted');
    expect(world.status.abortedBecause).toContain('7 % errors');
    expect(world.pods('eu1')).toEqual({ old: 10 });
  });

  it('is a person who paused it; an abort gets through', () => {
    const world = fleet().run(4);
    world.command = { ...world.command, paused: true };
    const before = world.pods('eu1');
    world.run(40);
    expect(Object.keys(world.pods('eu1'))).toEqual(Object.keys(before));
    expect(world.status.phase).toBe('Paused');
    world.command = { ...world.command, abort: 'new' };
    world.finish();
    expect(world.pods('eu1')).toEqual({ old: 10 });
  });

  it('is a RolloutBlock', () => {
    const world = fleet();
    world.blockedBy = 'shop/freeze: it is Friday';
    world.run(20);
    expect(world.status).toMatchObject({ phase: 'Blocked', summary: 'shop/freeze: it is Friday' });
    expect(world.pods('eu1')).toEqual({ old: 10 });
  });
});

describe('a failure', () => {
  it('by default stops everything and waits for a person, who may try again', () => {
    const world = fleet({ progressDeadline: '30s' });
    world.brokenRevisions.add('new');
    world.run(60);
    expect(world.status.phase).toBe('Paused');
    expect(world.status.summary).toContain('no progress for 30 s');
    expect(world.ready('eu1')).toBe(10);
    for (const group of world.workloads.get('eu1')?.pods.values() ?? []) group.broken = false;
    world.brokenRevisions.clear();
    world.command = { ...world.command, retry: '1' };
    world.finish();
    expect(world.status.phase).toBe('Completed');
  });

  it('with AbortAll takes every cluster back', () => {
    const world = fleet({ progressDeadline: '30s', failurePolicy: 'AbortAll' });
    world.brokenRevisions.add('new');
    world.finish(() => expect(world.ready('eu1')).toBeGreaterThanOrEqual(10));
    expect(world.status.phase).toBe('Aborted');
    expect(world.pods('eu1')).toEqual({ old: 10 });
    expect(world.status.history).toMatchObject([{ outcome: 'Aborted' }]);
    const { status } = world;
    expect(world.run(5).status).toBe(status);
  });

  it('with AbortWave takes the wave back and keeps the earlier one', () => {
    const world = fleet({ progressDeadline: '30s', failurePolicy: 'AbortWave' });
    while (world.phases()['us1'] !== 'Progressing') world.round();
    for (const name of ['us1', 'us2']) {
      const group = world.workloads.get(name)?.pods.get('new');
      if (group) group.broken = true;
    }
    world.finish();
    expect(world.status.phase).toBe('Failed');
    expect(world.pods('eu1')).toEqual({ new: 10 });
    expect(world.pods('us1')).toEqual({ old: 10 });
  });

  it('with SkipCluster goes on without it, as long as it is one', () => {
    const world = fleet({
      progressDeadline: '30s',
      failurePolicy: 'SkipCluster',
      maxFailedClusters: 1,
      waves: [{ name: 'all', clusterSelector: {} }],
    });
    world.run(2);
    const group = world.workloads.get('us2')?.pods.get('new');
    if (group) group.broken = true;
    world.finish();
    expect(world.phases()).toEqual({ eu1: 'Done', us1: 'Done', us2: 'Skipped' });
    expect(world.pods('us2')).toEqual({ old: 10 });
  });

  it('of a gate at one cluster is that cluster’s', () => {
    const gates = [{ name: 'errors', webhook: { url: 'http://x' }, interval: '2s' }];
    const world = fleet({ steps: [{ ...canary, gates }, ...furtherSteps], failurePolicy: 'AbortAll' });
    world.answer = ({ member }) =>
      member === 'us2' ? { kind: 'bad', message: 'too many errors' } : { kind: 'good', message: 'fine' };
    world.finish();
    expect(world.status.abortedBecause).toContain('us2');
    for (const name of Object.keys(members)) expect(world.pods(name)).toEqual({ old: 10 });
  });
});

describe('a cluster that is lost', () => {
  it('in mid-step is waited for, and keeps its place', () => {
    const world = fleet().run(3);
    const lost = world.workloads.get('eu1');
    if (lost) lost.reachable = false;
    world.run(60);
    expect(world.phases()['eu1']).toBe('Unreachable');
    expect(world.status.phase).toBe('Progressing');
    if (lost) lost.reachable = true;
    world.finish();
    expect(world.status.phase).toBe('Completed');
  });

  it('is left out after its grace where the spec says so', () => {
    const world = fleet({ clusterUnreachable: { grace: '30s', action: 'Skip' } }).run(3);
    const lost = world.workloads.get('eu1');
    if (lost) lost.reachable = false;
    world.finish();
    expect(world.phases()).toMatchObject({ eu1: 'Skipped', us1: 'Done' });
  });

  it('and was aborted meanwhile is taken back when it returns', () => {
    const world = fleet().run(3);
    const lost = world.workloads.get('eu1');
    if (lost) lost.reachable = false;
    world.command = { ...world.command, abort: 'new' };
    world.run(10);
    if (lost) lost.reachable = true;
    world.run(20);
    expect(world.status.phase).toBe('Aborted');
    expect(world.pods('eu1')).toEqual({ old: 10 });
  });
});

describe('a change of mind', () => {
  it('by a newer edit takes the old contender back first', () => {
    const world = fleet();
    while ((world.pods('eu1')['new'] ?? 0) < 5) world.round();
    world.revision = 'newer';
    while (world.status.revision !== 'newer') {
      world.round();
      expect(world.ready('eu1')).toBeGreaterThanOrEqual(10);
      expect(world.pods('eu1')['newer']).toBeUndefined();
    }
    expect(world.status.history).toMatchObject([{ revision: 'new', outcome: 'Superseded' }]);
    world.finish(() => expect(world.ready('eu1')).toBeGreaterThanOrEqual(10));
    world.run(2);
    expect(world.pods('eu1')).toEqual({ newer: 10 });
  });

  it('by editing back is an abort', () => {
    const world = fleet();
    while ((world.pods('eu1')['new'] ?? 0) < 5) world.round();
    world.revision = 'old';
    world.run(40);
    expect(world.pods('eu1')).toEqual({ old: 10 });
    expect(['Aborted', 'Idle', 'Completed']).toContain(world.status.phase);
  });

  it('of the step goes back with the incumbent raised first', () => {
    const world = fleet();
    world.command = { ...world.command, targetStep: 1 };
    world.run(40);
    expect(world.pods('eu1')).toEqual({ old: 5, new: 5 });
    world.command = { ...world.command, targetStep: 0 };
    world.run(40, () => expect(world.ready('eu1')).toBeGreaterThanOrEqual(10));
    expect(world.pods('eu1')).toEqual({ old: 9, new: 1 });
    expect(world.status.phase).toBe('Paused');
    world.command = { ...world.command, targetStep: undefined };
    world.finish();
  });

  it('after an abort may be to try it again', () => {
    const world = fleet().run(5);
    world.command = { ...world.command, abort: 'new' };
    world.finish();
    world.command = { ...world.command, abort: undefined, retry: 'again' };
    world.finish();
    expect(world.status.phase).toBe('Completed');
  });
});

describe('whatever happens', () => {
  it('ready pods stay above the promise, and it ends once the faults end', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            at: fc.integer({ min: 1, max: 80 }),
            what: fc.constantFrom(
              'lose',
              'return',
              'edit',
              'abort',
              'pause',
              'resume',
              'back',
              'forget-step',
            ),
            who: fc.constantFrom('eu1', 'us1', 'us2'),
          }),
          { maxLength: 8 },
        ),
        fc.constantFrom('WaveMajor' as const, 'StepMajor' as const, 'Lockstep' as const),
        (faults, progress) => {
          const world = fleet({ progress, failurePolicy: 'AbortAll' });
          let edits = 0;
          for (let round = 0; round < 100; round++) {
            for (const { at, what, who } of faults) {
              if (at !== round) continue;
              const workload = world.workloads.get(who);
              if (what === 'lose' && workload) workload.reachable = false;
              if (what === 'return' && workload) workload.reachable = true;
              if (what === 'edit') world.revision = `edit-${edits++}`;
              if (what === 'abort') world.command = { ...world.command, abort: world.status.revision };
              if (what === 'pause') world.command = { ...world.command, paused: true };
              if (what === 'resume') world.command = { ...world.command, paused: false };
              if (what === 'back') world.command = { ...world.command, targetStep: 0 };
              if (what === 'forget-step') world.command = { ...world.command, targetStep: undefined };
            }
            world.round();
            for (const name of Object.keys(members)) expect(world.ready(name)).toBeGreaterThanOrEqual(10);
          }
          for (const workload of world.workloads.values()) workload.reachable = true;
          world.command = { ...world.command, paused: false, targetStep: undefined };
          for (let round = 0; round < 300; round++) world.round();
          expect(['Completed', 'Aborted', 'Idle']).toContain(world.status.phase);
          const wanted =
            world.status.phase === 'Aborted' ? world.status.stableRevision : world.status.revision;
          for (const name of Object.keys(members))
            expect(world.pods(name)).toEqual({ [wanted as string]: 10 });
        },
      ),
      { numRuns: 150 },
    );
  });
});
