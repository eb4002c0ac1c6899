import { describe, expect, it } from 'vitest';
import {
  jobFor,
  type JobContext,
  jobState,
  joinAnswers,
  lastWords,
} from '../../../../src/rollout/plan/gates/index.ts';
import type { GateQuestion } from '../../../../src/rollout/plan/steps/types.ts';

const context: JobContext = {
  rollout: 'web',
  namespace: 'shop',
  revision: 'abc',
  stableRevision: undefined,
  member: 'eu-1',
};
const question: GateQuestion = {
  key: 'abc/first/0/eu-1/smoke',
  gate: {
    name: 'smoke',
    job: {
      template: {
        metadata: { labels: { team: 'a' } },
        spec: {
          backoffLimit: 0,
          template: {
            spec: {
              containers: [{ name: 'main', image: 'k6', env: [{ name: 'HANSA_WAVE', value: 'mine' }] }],
            },
          },
        },
      },
    },
  },
  scope: 'Cluster',
  wave: 'first',
  step: 0,
  stepName: 'canary',
  member: 'eu-1',
  members: ['eu-1'],
  rolled: [],
  notRolled: [],
  attempt: '2026-01-01T00:00:00Z/0',
};

describe('the Job of a gate', () => {
  it('is what its author wrote, with a name, labels, limits and the question', () => {
    const job = jobFor(question, context);
    expect(job).toMatchObject({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        namespace: 'shop',
        name: expect.stringMatching(/^web-smoke-[0-9a-f]{8}$/),
        labels: { team: 'a', 'rollout.hansa.dev/rollout': 'web', 'rollout.hansa.dev/gate': 'smoke' },
      },
      spec: {
        backoffLimit: 0,
        ttlSecondsAfterFinished: 3600,
        activeDeadlineSeconds: 3600,
        template: { spec: { restartPolicy: 'Never' } },
      },
    });
    const { containers } = (job.spec as { template: { spec: { containers: { env: unknown[] }[] } } }).template
      .spec;
    expect(containers[0]?.env).toEqual([
      { name: 'HANSA_ROLLOUT', value: 'web' },
      { name: 'HANSA_REVISION', value: 'abc' },
      { name: 'HANSA_STABLE_REVISION', value: '' },
      { name: 'HANSA_STEP', value: 'canary' },
      { name: 'HANSA_CLUSTER', value: 'eu-1' },
      { name: 'HANSA_WAVE', value: 'mine' },
    ]);
  });

  it('is the same for the same question, and another for the next attempt', () => {
    const nameOf = (asked: GateQuestion) => jobFor(asked, context).metadata.name;
    expect(nameOf({ ...question })).toBe(nameOf(question));
    expect(nameOf({ ...question, attempt: '2026-01-01T00:00:00Z/1' })).not.toBe(nameOf(question));
    expect(nameOf({ ...question, key: 'abc/first/1/eu-1/smoke' })).not.toBe(nameOf(question));
  });

  it('has a name that fits into a label, however long those of rollout and gate are', () => {
    for (const rollout of ['a'.repeat(253), `${'a'.repeat(50)}.${'b'.repeat(50)}`, `${'x'.repeat(53)}-.y`]) {
      const { name, labels } = jobFor(
        { ...question, gate: { ...question.gate, name: 'g'.repeat(63) } },
        { ...context, rollout },
      ).metadata;
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      for (const value of Object.values(labels ?? {}))
        expect(value).toMatch(/^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/);
    }
  });

  it.each([
    [[], 'running'],
    [[{ type: 'Complete', status: 'True' }], 'complete'],
    [[{ type: 'SuccessCriteriaMet', status: 'True' }], 'running'],
    [[{ type: 'Failed', status: 'True' }], 'failed'],
    [[{ type: 'Failed', status: 'False' }], 'running'],
    [[{ type: 'FailureTarget', status: 'True' }], 'running'],
  ] as const)('with %o is %s', (conditions, state) => {
    expect(jobState({ ...jobFor(question, context), status: { conditions } })).toBe(state);
  });

  it('has the last word of its newest pod', () => {
    const pod = (creationTimestamp: string, terminated: object) => ({
      metadata: { creationTimestamp },
      status: { containerStatuses: [{ name: 'main', state: { terminated } }] },
    });
    expect(
      lastWords([
        pod('2026-01-01T00:00:00Z', { exitCode: 1, message: 'old' }),
        pod('2026-01-02T00:00:00Z', { exitCode: 1, message: ' p99 is 3 s\n' }),
      ]),
    ).toBe('p99 is 3 s');
    expect(lastWords([pod('2026-01-01T00:00:00Z', { exitCode: 137, reason: 'OOMKilled' })])).toBe(
      'container main ended with exit code 137 (OOMKilled)',
    );
    expect(lastWords([pod('2026-01-01T00:00:00Z', { exitCode: 0, message: 'fine' })])).toBeUndefined();
    expect(lastWords([])).toBeUndefined();
  });
});

describe('answers of several clusters', () => {
  const answer = (kind: 'good' | 'bad' | 'later' | 'inconclusive') => ({ kind, message: `${kind}!` });
  it.each([
    [['good', 'later', 'bad'], 'bad'],
    [['good', 'later', 'inconclusive'], 'inconclusive'],
    [['good', 'later'], 'later'],
    [['good', 'good'], 'good'],
    [[], 'good'],
  ] as const)('%o together are %s', (kinds, kind) => {
    expect(joinAnswers(kinds.map(answer)).kind).toBe(kind);
  });
});
