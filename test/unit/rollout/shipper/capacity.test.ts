import { describe, expect, it } from 'vitest';
import {
  conditionsOfPods,
  type DeploymentSeen,
  findSadPods,
  judgeCapacity,
  productionService,
  reportCapacity,
  summarizeSadPods,
} from '../../../../src/rollout/plan/shipper/index.ts';

const sad = (name: string, reason = 'ImagePullBackOff') => ({
  name,
  conditions: [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Ready', status: 'False' },
  ],
  initContainers: [],
  containers: [{ name: 'app', isReady: false, state: 'Waiting' as const, reason }],
});
const happy = (name: string) => ({
  ...sad(name),
  conditions: [{ type: 'Ready', status: 'True' }],
});

describe('sad pods', () => {
  it('are the first five by name that have a condition which is False', () => {
    const pods = ['g', 'c', 'e', 'a', 'f', 'b'].map((name) => sad(name));
    expect(findSadPods([happy('0'), ...pods]).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'e', 'f']);
  });

  it('whose container runs without being ready have no reason to tell', () => {
    const running = { name: 'app', isReady: false, state: 'Running' as const, reason: '' };
    expect(summarizeSadPods([{ initContainers: [], containers: [running] }])).toBe(
      '1x"app" containers with []',
    );
    expect(summarizeSadPods([])).toBe('');
  });
});

describe('the capacity of a cluster', () => {
  const deployment: DeploymentSeen = {
    replicas: 2,
    isCurrent: true,
    availableReplicas: 1,
    conditions: [],
    pods: [happy('a'), sad('b')],
  };
  const judge = (more: Partial<DeploymentSeen>) =>
    judgeCapacity({ percent: 50, totalReplicaCount: 4 }, { ...deployment, ...more });

  it('is ready with exactly the pods wanted', () => {
    expect(judge({ availableReplicas: 2 })).toMatchObject({
      isReady: true,
      reason: '',
      setReplicas: undefined,
    });
    expect(judge({ availableReplicas: 3, pods: [] })).toMatchObject({ isReady: false, reason: 'InProgress' });
  });

  it.each([undefined, 0, 5])('is set where the Deployment says %s', (replicas) => {
    expect(judge({ replicas, availableReplicas: 2 })).toMatchObject({
      setReplicas: 2,
      isReady: false,
      reason: 'InProgress',
    });
  });

  it('is not believed before the Deployment was looked at', () => {
    expect(judge({ isCurrent: false, availableReplicas: 2 })).toMatchObject({
      isReady: false,
      reason: 'InProgress',
    });
  });

  it('tells which pods are not ready, of how many wanted', () => {
    expect(judge({})).toMatchObject({
      reason: 'PodsNotReady',
      message: '1/2: 1x"app" containers with [ImagePullBackOff]',
      sadPods: [{ name: 'b' }],
    });
  });

  it('is in progress while pods are missing of which none is sad', () => {
    expect(judge({ pods: [happy('a')] })).toMatchObject({ reason: 'InProgress', message: '', sadPods: [] });
  });

  it.each([
    ['ReplicaFailure', 'True', 'DeploymentStuck'],
    ['Progressing', 'False', 'DeploymentStuck'],
    ['ReplicaFailure', 'False', 'PodsNotReady'],
    ['Progressing', 'True', 'PodsNotReady'],
  ])('with the condition %s=%s has the reason %s', (type, status, reason) => {
    const verdict = judge({ conditions: [{ type, status, message: 'exceeded quota' }] });
    expect(verdict.reason).toBe(reason);
    if (reason === 'DeploymentStuck') expect(verdict.message).toBe('exceeded quota');
    expect(verdict.sadPods).toHaveLength(1);
  });
});

describe('the report on pods', () => {
  const pod = (name: string, state: object, more: object = {}) => ({
    metadata: { name },
    status: {
      conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }],
      containerStatuses: [{ name: 'app', state, ...more }],
    },
  });

  it('counts containers by state and reason, with the first pod as example', () => {
    const pods = [
      pod(
        'a',
        { waiting: { reason: 'CrashLoopBackOff' } },
        {
          restartCount: 2,
          lastState: { terminated: { exitCode: 3 } },
        },
      ),
      pod('b', { waiting: { reason: 'CrashLoopBackOff' } }),
      pod('c', { terminated: { reason: 'Error', signal: 9 } }),
      pod('d', { terminated: { reason: 'Error', message: 'told by itself' } }),
      pod('e', { running: {} }),
      pod('f', {}),
    ];
    expect(reportCapacity('web', conditionsOfPods(pods))).toEqual({
      owner: { name: 'web' },
      breakdown: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'ContainersNotReady',
          count: 6,
          containers: [
            {
              name: 'app',
              states: [
                { count: 1, type: 'Running', example: { pod: 'e' } },
                {
                  count: 2,
                  type: 'Terminated',
                  reason: 'Error',
                  example: { pod: 'c', message: 'Terminated with signal 9' },
                },
                {
                  count: 2,
                  type: 'Waiting',
                  reason: 'CrashLoopBackOff',
                  example: { pod: 'a', message: 'Terminated with exit code 3' },
                },
                { count: 1, type: 'Waiting', example: { pod: 'f' } },
              ],
            },
          ],
        },
      ],
    });
  });

  it('is in order by type, status and reason, whatever the order of pods', () => {
    const seen = [
      ['Ready', 'True', ''],
      ['Initialized', 'True', ''],
      ['Ready', 'False', 'b'],
      ['Ready', 'False', 'a'],
    ].map(([type = '', status = '', reason = '']) => ({ type, status, reason, podCount: 1, containers: [] }));
    const order = (conditions: typeof seen) =>
      reportCapacity('o', conditions).breakdown.map(
        ({ type, status, reason = '' }) => type + status + reason,
      );
    expect(order(seen)).toEqual(['InitializedTrue', 'ReadyFalsea', 'ReadyFalseb', 'ReadyTrue']);
    expect(order(seen.toReversed())).toEqual(order(seen));
  });

  it('of pods that have told nothing yet is empty', () => {
    expect(reportCapacity('o', conditionsOfPods([{ metadata: { name: 'a' } }])).breakdown).toEqual([]);
  });
});

describe('the production service', () => {
  const owner = { application: 'web', release: 'web-1', workaround: undefined as string | undefined };
  const service = (name: string, more: object = {}) => ({
    name,
    labels: {},
    selector: { app: 'web' },
    ...more,
  });
  const steered = { 'shipper-app': 'web', 'shipper-traffic-status': 'enabled' };

  it('selects the pods of the application that have traffic, also where it selected nothing', () => {
    expect(productionService([service('a')], owner)).toEqual({
      kind: 'found',
      name: 'a',
      selector: { app: 'web', ...steered },
    });
    expect(productionService([service('a', { selector: undefined })], owner)).toMatchObject({
      selector: steered,
    });
  });

  it('is the marked one of several; another mark is none', () => {
    const services = [
      service('a', { labels: { 'shipper-lb': 'staging' } }),
      service('b', { labels: { 'shipper-lb': 'production' } }),
    ];
    expect(productionService(services, owner)).toMatchObject({ name: 'b' });
    expect(productionService(services.slice(0, 1), owner)).toMatchObject({ name: 'a' });
  });

  it('loses the label of its release where asked, and only the value that Helm gave it', () => {
    const asked = { ...owner, workaround: 'true' };
    const selecting = (release: string) => [service('a', { selector: { release } })];
    expect(productionService(selecting('web-1'), asked)).toMatchObject({ selector: steered });
    expect(productionService(selecting('web-1'), asked)).not.toHaveProperty('selector.release');
    expect(productionService(selecting('other'), asked)).toHaveProperty('selector.release', 'other');
  });

  it.each([
    [undefined, /will break shipper traffic shifting logic.*"enable-helm-release-workaround: true"/],
    ['false', /will break shipper traffic shifting logic/],
    ['yes', /unexpected value for label "enable-helm-release-workaround": "yes"/],
  ])('that selects by release is refused with the workaround %s', (workaround, message) => {
    const services = [service('a', { selector: { release: 'web-1' } })];
    expect(productionService(services, { ...owner, workaround })).toEqual({
      kind: 'invalid-chart',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [0, []],
    [0, [service('a'), service('b')]],
    [2, ['a', 'b'].map((name) => service(name, { labels: { 'shipper-lb': 'production' } }))],
  ])('is not chosen where %i are marked', (count, services) => {
    expect(productionService(services, owner)).toMatchObject({
      kind: 'invalid-chart',
      message: expect.stringMatching(
        new RegExp(`one and only one .* object .* is required, but ${count} found instead`),
      ),
    });
  });
});
