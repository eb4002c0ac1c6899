import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addedPods,
  answerFromRoom,
  needsOf,
  nextMove,
  type PodNeeds,
  type RoomNode,
  type RoomPod,
  roomNode,
  workloadOf,
} from '../../../../src/rollout/plan/gates/index.ts';
import type { GateQuestion, PlannedStep, PlannedWave } from '../../../../src/rollout/plan/steps/types.ts';

function node(
  name: string,
  { cpu = 4, memory = 8, maxPods = 110, ...rest }: Partial<RoomNode> & { cpu?: number; memory?: number } = {},
): RoomNode {
  return {
    name,
    labels: {},
    taints: [],
    takesPods: true,
    allocatable: { cpu: BigInt(cpu) * 1000n, memory: BigInt(memory) * 1024n ** 3n * 1000n },
    maxPods,
    ...rest,
  };
}

function needs(cpu: string, memory = '1Gi', rest: object = {}): PodNeeds {
  return needsOf({ containers: [{ resources: { requests: { cpu, memory } } }], ...rest });
}

const pods = (count: number, each: PodNeeds) => [{ workload: 'web', count, needs: each }];

describe('the room for the next step', () => {
  it('is there when every pod finds a node', () => {
    const answer = answerFromRoom([node('n1'), node('n2')], [], pods(8, needs('1')));
    expect(answer).toEqual({
      kind: 'good',
      message: 'room for the 8 pods of the next step: 2 nodes have 8 cpu and 16Gi memory left',
    });
  });

  it('is not the sum: a pod must fit onto one node', () => {
    const answer = answerFromRoom([node('n1', { cpu: 2 }), node('n2', { cpu: 2 })], [], pods(1, needs('3')));
    expect(answer).toEqual({
      kind: 'bad',
      message:
        'room for 0 of the 1 pods of the next step (1 × web with 3 cpu and 1Gi memory): 2 nodes have 4 cpu and 16Gi memory left; add nodes or free some',
    });
  });

  it.each([
    ['cpu', needs('1500m')],
    ['memory', needs('100m', '5Gi')],
  ])('counts %s', (_, each) => {
    expect(answerFromRoom([node('n1')], [], pods(1, each)).kind).toBe('good');
    const taken: RoomPod = { ...needs('3', '4Gi'), node: 'n1' };
    expect(answerFromRoom([node('n1')], [taken], pods(1, each)).kind).toBe('bad');
  });

  it('counts pods, too', () => {
    expect(answerFromRoom([node('n1', { maxPods: 3 })], [], pods(4, needs('1m', '1Mi')))).toMatchObject({
      kind: 'bad',
      message: expect.stringContaining('room for 3 of the 4 pods'),
    });
  });

  it('leaves out nodes that are not ready, cordoned, tainted or of another kind', () => {
    const nodes = [
      node('cordoned', { takesPods: false }),
      node('tainted', { taints: [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }] }),
      node('small', { labels: { size: 'small' } }),
    ];
    const large = needs('1', '1Gi', { nodeSelector: { size: 'large' } });
    expect(answerFromRoom(nodes, [], pods(1, large)).kind).toBe('bad');
    expect(
      answerFromRoom(nodes, [], pods(1, needs('1', '1Gi', { nodeSelector: { size: 'small' } }))).kind,
    ).toBe('good');
    expect(answerFromRoom(nodes.slice(0, 2), [], pods(1, needs('1'))).kind).toBe('bad');
  });

  it.each([
    [{ key: 'gpu', operator: 'Exists' }, 'good'],
    [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }, 'good'],
    [{ operator: 'Exists' }, 'good'],
    [{ key: 'gpu', value: 'b' }, 'bad'],
    [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, 'bad'],
    [{ key: 'other', operator: 'Exists' }, 'bad'],
  ])('with the toleration %o on a tainted node is %s', (toleration, kind) => {
    const tainted = node('n1', { taints: [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }] });
    expect(
      answerFromRoom([tainted], [], pods(1, needs('1', '1Gi', { tolerations: [toleration] }))).kind,
    ).toBe(kind);
  });

  it('is what waiting pods leave', () => {
    const waiting: RoomPod = { ...needs('3'), node: undefined };
    expect(answerFromRoom([node('n1')], [waiting], pods(2, needs('1'))).kind).toBe('bad');
    // One that fits nowhere takes nothing from anyone.
    expect(answerFromRoom([node('n1')], [{ ...needs('9'), node: undefined }], pods(2, needs('1'))).kind).toBe(
      'good',
    );
  });

  it('is good when nothing is added, even without a node', () => {
    expect(answerFromRoom([], [], pods(0, needs('1'))).kind).toBe('good');
    expect(answerFromRoom([], [], pods(1, needs('1'))).kind).toBe('bad');
  });

  it('never says good for more than the nodes have', () => {
    const cpu = fc.integer({ min: 0, max: 4_000 });
    const used = fc.record({ cpu, at: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 4 }),
        fc.array(used, { maxLength: 10 }),
        cpu,
        fc.integer({ min: 1, max: 20 }),
        (sizes, taken, each, count) => {
          const nodes = sizes.map((size, index) => node(`n${index}`, { cpu: size }));
          const running = taken.map((pod) => ({ ...needs(`${pod.cpu}m`, '0'), node: `n${pod.at}` }));
          const { kind } = answerFromRoom(nodes, running, pods(count, needs(`${each}m`, '0')));
          const most = sizes.reduce((sum, size, index) => {
            const left = size * 1000 - taken.reduce((all, pod) => all + (pod.at === index ? pod.cpu : 0), 0);
            return sum + (each === 0 ? count : Math.max(0, Math.floor(left / each)));
          }, 0);
          expect(kind).toBe(most >= count ? 'good' : 'bad');
        },
      ),
    );
  });
});

describe('what a pod needs', () => {
  const requests = (cpu: string, memory = '0') => ({ resources: { requests: { cpu, memory } } });

  it.each([
    [
      'its containers together',
      { containers: [requests('100m', '1Ki'), requests('200m', '1Ki')] },
      300n,
      2_048_000n,
    ],
    [
      'a larger init container',
      { containers: [requests('100m')], initContainers: [requests('1')] },
      1000n,
      0n,
    ],
    [
      'a sidecar beside its containers',
      { containers: [requests('100m')], initContainers: [{ ...requests('50m'), restartPolicy: 'Always' }] },
      150n,
      0n,
    ],
    [
      'an init container beside an earlier sidecar',
      {
        containers: [requests('100m')],
        initContainers: [{ ...requests('50m'), restartPolicy: 'Always' }, requests('200m')],
      },
      250n,
      0n,
    ],
    [
      'its overhead',
      { containers: [requests('100m')], overhead: { cpu: '10m', memory: '1k' } },
      110n,
      1_000_000n,
    ],
    [
      'what the pod asks for as a whole',
      { containers: [requests('100m')], resources: { requests: { cpu: '2' } } },
      2000n,
      0n,
    ],
    [
      'a limit where there is no request',
      { containers: [{ resources: { limits: { cpu: '300m' } } }] },
      300n,
      0n,
    ],
    ['nothing if it says nothing', { containers: [{}] }, 0n, 0n],
  ])('is %s', (_, spec, cpu, memory) => {
    expect(needsOf(spec)).toMatchObject({ cpu, memory });
  });
});

describe('a node', () => {
  it('takes pods when it is ready and not cordoned', () => {
    const ready = [{ type: 'Ready', status: 'True' }];
    const status = { conditions: ready, allocatable: { cpu: '3920m', memory: '1Ki', pods: '110' } };
    expect(roomNode({ metadata: { name: 'n1' }, status })).toMatchObject({
      takesPods: true,
      maxPods: 110,
      allocatable: { cpu: 3920n, memory: 1_024_000n },
    });
    expect(roomNode({ metadata: { name: 'n1' }, spec: { unschedulable: true }, status }).takesPods).toBe(
      false,
    );
    expect(
      roomNode({
        metadata: { name: 'n1' },
        status: { ...status, conditions: [{ type: 'Ready', status: 'Unknown' }] },
      }).takesPods,
    ).toBe(false);
    expect(roomNode({ metadata: { name: 'n1' } }).takesPods).toBe(false);
    // As the API server writes a thousand.
    expect(roomNode({ metadata: { name: 'n1' }, status: { allocatable: { pods: '1k' } } }).maxPods).toBe(
      1000,
    );
  });
});

describe('the pods that the next step adds', () => {
  const step = (name: string, contender: number, incumbent = 100 - contender): PlannedStep => ({
    name,
    capacity: { contender, incumbent },
    pause: undefined,
    gates: [],
  });
  const wave = (name: string, ...members: readonly string[]): PlannedWave => ({
    name,
    members,
    maxConcurrent: 1,
    soakMs: 0,
    gates: [],
  });
  const plan = {
    steps: [step('one', 1, 100), step('half', 50), step('full', 100)],
    waves: [wave('first', 'eu-1'), wave('rest', 'us-1', 'us-2')],
  };
  const question: GateQuestion = {
    key: 'k',
    gate: { name: 'room', room: {} },
    scope: 'Cluster',
    wave: 'first',
    step: 0,
    stepName: 'one',
    member: 'eu-1',
    members: ['eu-1'],
    rolled: [],
    notRolled: [],
  };
  const workload = (kind: string, replicas: number | undefined, rest: object = {}) =>
    workloadOf({
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: 'web' },
      spec: {
        ...(replicas === undefined ? {} : { replicas }),
        template: { spec: { containers: [{ name: 'a' }] } },
        ...rest,
      },
    });
  const counted = (
    mode: 'SideBySide' | 'Gated' | 'InPlace',
    asked: GateQuestion,
    ...workloads: readonly ReturnType<typeof workloadOf>[]
  ) =>
    addedPods(
      { mode, steps: plan.steps },
      nextMove(plan, asked),
      workloads.filter((each) => each !== undefined),
    ).map(({ count }) => count);

  it('are those of the new workload beside the old one', () => {
    expect(counted('SideBySide', question, workload('Deployment', 10))).toEqual([4]);
    expect(counted('SideBySide', { ...question, step: 1 }, workload('Deployment', 3))).toEqual([1]);
    expect(counted('SideBySide', question, workload('Deployment', undefined))).toEqual([0]);
    // Nothing comes after the last step.
    expect(counted('SideBySide', { ...question, step: 2 }, workload('Deployment', 10))).toEqual([]);
  });

  it('are not more at once than a rolling update of the same workload adds', () => {
    expect(counted('Gated', question, workload('Deployment', 10))).toEqual([3]);
    expect(
      counted(
        'Gated',
        question,
        workload('Deployment', 10, { strategy: { rollingUpdate: { maxSurge: 1 } } }),
      ),
    ).toEqual([1]);
    expect(
      counted(
        'Gated',
        question,
        workload('Deployment', 10, { strategy: { rollingUpdate: { maxSurge: '100%' } } }),
      ),
    ).toEqual([4]);
    expect(
      counted('InPlace', question, workload('Deployment', 10, { strategy: { type: 'Recreate' } })),
    ).toEqual([0]);
    expect(counted('InPlace', question, workload('StatefulSet', 10))).toEqual([0]);
    expect(counted('Gated', question, workload('DaemonSet', undefined))).toEqual([0]);
  });

  it('are those of the first step in the next wave, after a wave', () => {
    const afterWave: GateQuestion = {
      ...question,
      scope: 'Wave',
      step: undefined,
      stepName: undefined,
      member: undefined,
    };
    expect(nextMove(plan, afterWave)).toMatchObject({
      members: ['us-1', 'us-2'],
      from: undefined,
      to: plan.steps[0],
    });
    expect(counted('SideBySide', afterWave, workload('Deployment', 200))).toEqual([2]);
    expect(nextMove(plan, { ...afterWave, wave: 'rest' }).to).toBeUndefined();
  });

  it('come from objects with a pod template, and not from Jobs', () => {
    expect(workload('Job', 1)).toBeUndefined();
    expect(
      workloadOf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: {} }),
    ).toBeUndefined();
  });
});
