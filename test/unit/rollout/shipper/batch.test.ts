import { describe, expect, it } from 'vitest';
import { runRolloutBatch } from '../../../../src/cli/offline/rollout-batch.ts';
import examples from '../../../cases/rollout-examples.json' with { type: 'json' };

type Line = Readonly<Record<string, unknown>>;

function batch(cases: readonly unknown[]): readonly Line[] {
  const { out, err, exitCode } = runRolloutBatch(JSON.stringify(cases));
  expect({ err, exitCode }).toEqual({ err: '', exitCode: 0 });
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

function answer(kind: string, op: string, input: unknown): unknown {
  const [line] = batch([{ name: 'x', kind, op, input }]);
  return line?.['result'] ?? line?.['error'];
}

describe("Shipper's own examples", () => {
  it('are answered in their order, one line each', () => {
    expect(batch(examples).map(({ name }) => name)).toEqual(examples.map(({ name }) => name));
  });

  it.each(examples)('$name', (example) => {
    expect(batch([example])).toEqual([{ name: example.name, result: example.expected }]);
  });
});

describe('a choice that cannot be made', () => {
  const cluster = { name: 'c', region: 'eu', capabilities: ['a'] };
  const choose = (clusterRequirements: object, clusters: readonly object[] = [cluster]) =>
    answer('clusterChoice', 'choose', { application: 'app', clusterRequirements, clusters });

  it.each([
    ['NoRegionsSpecified', { regions: [] }],
    ['NoRegionsSpecified', {}],
    ['NotEnoughClustersInRegion', { regions: [{ name: 'us' }] }],
    ['NotEnoughCapableClustersInRegion', { regions: [{ name: 'eu' }], capabilities: ['b'] }],
    ['DuplicateCapabilityRequirement', { regions: [{ name: 'eu' }], capabilities: ['a', 'a'] }],
  ])('%s is told', (error, requirements) => {
    expect(choose(requirements)).toEqual({ error });
  });

  it('for clusters that take nothing new is one for too few clusters', () => {
    const regions = [{ name: 'eu' }];
    expect(choose({ regions }, [{ ...cluster, unschedulable: true }])).toEqual({
      error: 'NotEnoughClustersInRegion',
    });
  });
});

describe('a report', () => {
  it('shows the message of the first pod with a state, and leaves out a reason that is none', () => {
    const container = { name: 'app', pod: 'a', state: 'Terminated', reason: 'Error', message: 'exit code 1' };
    const condition = { type: 'Ready', status: 'False', reason: '', podCount: 1, containers: [container] };
    expect(answer('capacity', 'report', { owner: 'o', conditions: [condition] })).toEqual({
      owner: 'o',
      breakdown: [
        {
          type: 'Ready',
          status: 'False',
          count: 1,
          containers: [
            {
              name: 'app',
              states: [
                {
                  count: 1,
                  type: 'Terminated',
                  reason: 'Error',
                  examplePod: 'a',
                  exampleMessage: 'exit code 1',
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('of nothing is empty', () => {
    expect(answer('capacity', 'report', { owner: 'o', conditions: [] })).toEqual({
      owner: 'o',
      breakdown: [],
    });
  });
});

describe('a shift', () => {
  const shift = (releases: readonly object[], more: object = {}) =>
    answer('traffic', 'shift', { releases, ...more });

  it('waits for pods that have the label and are not ready', () => {
    const release = { weight: 10, podsEnabled: 2, podsDisabled: 0, podsNotReady: 1 };
    const line = {
      targetPods: 2,
      ready: false,
      achievedWeight: 5,
      podsReady: 1,
      podsLabeled: 2,
      toEnable: 0,
      toDisable: 0,
    };
    expect(shift([release])).toEqual({ releases: [line] });
  });

  it('counts pods of nobody among all', () => {
    const release = { weight: 10, podsEnabled: 5, podsDisabled: 0 };
    expect(shift([release], { unmanagedPods: 5 })).toMatchObject({
      releases: [{ targetPods: 5, achievedWeight: 5 }],
    });
  });
});

describe('a strategy that cannot be worked on', () => {
  const condition = { type: 'StrategyExecuted', status: 'False', reason: 'StrategyExecutionFailed' };

  it.each([
    ['no step 2 in strategy', { steps: 2, targetStep: 2, release: 'contender' }],
    [
      'no step 2 in strategy',
      { steps: 3, targetStep: 2, release: 'incumbent', successor: { steps: 2, targetStep: 2 } },
    ],
    [
      'target step is inconsistent: unexpected value 1 (expected: 2)',
      { steps: 3, targetStep: 1, release: 'incumbent' },
    ],
  ])('tells %s', (messageContains, input) => {
    expect(answer('strategy', 'error', input)).toEqual({ condition, messageContains, retry: false });
  });

  it('is not one whose step exists', () => {
    expect(answer('strategy', 'error', { steps: 2, targetStep: 1, release: 'contender' })).toEqual({
      condition: { type: 'StrategyExecuted', status: 'True' },
      retry: false,
    });
  });
});

describe('an execution', () => {
  const shares = { incumbent: 0, contender: 100 };
  const input = {
    steps: [{ name: 'full on', capacity: shares, traffic: shares }],
    targetStep: 0,
    contender: { installed: true, percent: 0, weight: 0 },
  };

  it('of an old release uses the numbers of the incumbent, and is silent about others', () => {
    const old = { ...input, hasSuccessor: true, successorAchievedItsTargetStep: true };
    const before = [
      { type: 'IncumbentAchievedCapacity', status: 'True', step: 0 },
      { type: 'ContenderAchievedCapacity', status: 'False', step: 0 },
    ];
    expect(answer('strategy', 'execute', { ...old, conditions: before })).toEqual({
      patches: [],
      stepAchieved: true,
      releaseComplete: true,
      conditions: [
        { type: 'ContenderAchievedCapacity', status: 'True', step: 0 },
        { type: 'ContenderAchievedInstallation', status: 'True', step: 0 },
        { type: 'ContenderAchievedTraffic', status: 'True', step: 0 },
      ],
      state: {
        waitingForInstallation: 'False',
        waitingForCapacity: 'False',
        waitingForTraffic: 'False',
        waitingForCommand: 'False',
      },
    });
  });

  it('of an old release does nothing before the newer one is where it shall be', () => {
    expect(answer('strategy', 'execute', { ...input, hasSuccessor: true })).toEqual({
      patches: [],
      stepAchieved: false,
      releaseComplete: false,
    });
  });
});

describe('a production service', () => {
  const labels = { release: '<release>' };

  it.each([
    ['none', []],
    ['two without the label', [{ name: 'a' }, { name: 'b' }]],
    [
      'two with it',
      [
        { name: 'a', lb: 'production' },
        { name: 'b', lb: 'production' },
      ],
    ],
    ['one that selects by release', [{ name: 'a', selector: labels }]],
  ])('is not found among %s', (_, services) => {
    expect(answer('traffic', 'productionService', { services })).toEqual({
      ok: false,
      error: 'InvalidChart',
    });
  });

  it('may select by release where the Application asks for the workaround', () => {
    const input = { services: [{ name: 'a', selector: labels }], workaroundLabel: 'true' };
    expect(answer('traffic', 'productionService', input)).toEqual({ ok: true, production: 'a' });
    expect(answer('traffic', 'productionService', { ...input, workaroundLabel: 'yes' })).toEqual({
      ok: false,
      error: 'InvalidChart',
    });
  });
});

describe('a release name', () => {
  it('can be made from the environment itself', () => {
    const input = { application: 'app', environment: { chart: { name: 'n' } }, iteration: 2 };
    const json =
      '{"chart":{"name":"n","version":"","repoUrl":""},"values":null,"clusterRequirements":{"regions":null}}';
    const result = answer('strategy', 'releaseName', {
      ...input,
      environment: undefined,
      environmentJson: json,
    });
    expect(answer('strategy', 'releaseName', input)).toEqual(result);
  });
});

describe('a case that cannot be read', () => {
  const good = {
    name: 'good',
    kind: 'capacity',
    op: 'replicas',
    input: { totalReplicaCount: 3, percent: 50 },
  };

  it.each<[string, string, unknown]>([
    ['the case', 'must be a map', 5],
    ['kind', 'is missing: it must be capacity or traffic or clusterChoice or strategy', {}],
    ['kind', 'must be capacity or traffic or clusterChoice or strategy', { ...good, kind: 'toString' }],
    ['op', 'must be targetPods or shift or productionService', { ...good, kind: 'traffic' }],
    ['input', 'is missing: it must be a map', { ...good, input: undefined }],
    ['input.percent', 'is missing', { ...good, input: { totalReplicaCount: 3 } }],
    ['input.percent', 'must be a whole number', { ...good, input: { totalReplicaCount: 3, percent: 1.5 } }],
    [
      'input.clusters[0].weight',
      'must be a whole number',
      {
        kind: 'clusterChoice',
        op: 'preferenceList',
        input: { application: 'a', clusters: [{ name: 'c', weight: 'x' }] },
      },
    ],
    [
      'input.targetStep',
      'must be a step',
      { kind: 'strategy', op: 'execute', input: { steps: [], targetStep: 0, contender: {} } },
    ],
    [
      'input.releases[0].podsReady',
      'must not be more than podsEnabled',
      {
        kind: 'traffic',
        op: 'shift',
        input: { releases: [{ weight: 1, podsEnabled: 1, podsDisabled: 0, podsReady: 2 }] },
      },
    ],
  ])('%s %s', (field, message, value) => {
    const [bad, next] = batch([value, good]);
    expect(bad?.['error']).toMatchObject({ code: 'invalid-case', field });
    expect(bad?.['error']).toMatchObject({ message: expect.stringContaining(`${field}: ${message}`) });
    // The others get their answer.
    expect(next).toEqual({ name: 'good', result: { replicas: 2 } });
  });

  it('is no reason to guess at text that is no list of cases', () => {
    expect(() => runRolloutBatch('{}')).toThrow(/must be a JSON array/);
    expect(() => runRolloutBatch('[')).toThrow(/not JSON/);
    expect(runRolloutBatch('[]')).toEqual({ out: '', err: '', exitCode: 0 });
  });
});
