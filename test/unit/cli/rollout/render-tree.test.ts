import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { RolloutSpec, RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { renderRolloutTree, type TreeInput } from '../../../../src/cli/rollout/render-tree.ts';
import { ago, cluster, nowMs, side, spec } from '../../../support/rollout-objects.ts';

const started = { revision: '5d1f3c7a', stableRevision: '0c41a7b2', startedAt: ago(260) };

const progressing: RolloutStatus = {
  ...started,
  phase: 'Progressing',
  summary: 'wave first, step half: 1 of 2 clusters have reached it',
  wave: 'first',
  step: 1,
  waves: [
    { name: 'first', phase: 'Progressing', startedAt: ago(260) },
    { name: 'rest', phase: 'Pending' },
  ],
  clusters: [
    cluster('eu-1', 'StepReached', {
      wave: 'first',
      step: 0,
      reachedStep: 0,
      reachedAt: ago(170),
      total: 10,
      contender: side(1, 1, 1),
      incumbent: side(9, 9, 9),
    }),
    cluster('eu-2', 'Progressing', {
      wave: 'first',
      step: 1,
      stage: 'ContenderCapacity',
      total: 10,
      contender: side(3, 5, 1),
      incumbent: side(9, 9, 9),
      message: '2 of 5 new pods are not ready yet',
    }),
    cluster('us-1', 'Pending', { wave: 'rest', total: 20, incumbent: side(20, 20, 20) }),
  ],
  gates: [
    {
      key: '5d1f3c7a/first/canary/eu-1/errors',
      phase: 'Running',
      good: 1,
      message: 'result 0.002 is < 0.01',
      lastAskedAt: ago(8),
    },
    { key: '5d1f3c7a/first/canary/eu-2/errors', phase: 'Passed', good: 3, message: 'result 0.001 is < 0.01' },
  ],
};

const states: readonly (readonly [string, RolloutStatus | undefined, Partial<RolloutSpec> | undefined])[] = (
  [
    ['nobody has looked at', undefined],
    ['progressing', progressing],
    [
      'soaking',
      {
        ...started,
        phase: 'Soaking',
        summary: 'wave first must stay good for 30m',
        waves: [
          { name: 'first', phase: 'Soaking', startedAt: ago(900), reachedAt: ago(420) },
          { name: 'rest', phase: 'Pending' },
        ],
        clusters: [
          cluster('eu-1', 'Done', {
            wave: 'first',
            step: 2,
            total: 10,
            contender: side(10, 10),
            incumbent: side(0, 0),
          }),
          cluster('us-1', 'Pending', { wave: 'rest', total: 20, incumbent: side(20, 20) }),
        ],
      },
    ],
    [
      'waiting for approval',
      {
        ...started,
        phase: 'WaitingForApproval',
        summary: 'step half of eu-1 waits for approval',
        wave: 'first',
        step: 1,
        waves: [{ name: 'first', phase: 'Progressing' }],
        clusters: [
          cluster('eu-1', 'StepReached', {
            wave: 'first',
            step: 1,
            reachedAt: ago(60),
            total: 10,
            contender: side(5, 5),
            incumbent: side(5, 5),
          }),
        ],
      },
    ],
    [
      'reverting after a gate failed',
      {
        ...started,
        phase: 'Reverting',
        summary: 'gate errors of eu-1 failed: every cluster is taken back',
        abortedBecause: 'gate errors of eu-1 failed: result 0.2 is not < 0.01',
        waves: [{ name: 'first', phase: 'Reverting' }],
        clusters: [
          cluster('eu-1', 'Reverting', {
            wave: 'first',
            step: 0,
            stage: 'IncumbentCapacity',
            total: 10,
            contender: side(1, 1, 1),
            incumbent: side(9, 10, 9),
            message: '1 of 10 old pods is not ready yet',
          }),
        ],
        gates: [
          {
            key: '5d1f3c7a/first/canary/eu-1/errors',
            phase: 'Failed',
            good: 1,
            bad: 1,
            message: 'result 0.2 is not < 0.01',
          },
        ],
      },
    ],
    [
      'aborted',
      {
        ...started,
        phase: 'Aborted',
        summary: 'revision 5d1f3c7a was taken back',
        abortedBecause: 'gate errors of eu-1 failed: result 0.2 is not < 0.01',
        completedAt: ago(20),
        waves: [{ name: 'first', phase: 'Reverted' }],
        clusters: [
          cluster('eu-1', 'Reverted', {
            wave: 'first',
            total: 10,
            contender: side(0, 0),
            incumbent: side(10, 10),
          }),
        ],
      },
    ],
    [
      'completed',
      {
        revision: '5d1f3c7a',
        stableRevision: '5d1f3c7a',
        startedAt: ago(4000),
        completedAt: ago(1000),
        phase: 'Completed',
        summary: 'every cluster has revision 5d1f3c7a',
        waves: [
          { name: 'first', phase: 'Done' },
          { name: 'rest', phase: 'Done' },
        ],
        clusters: [
          cluster('eu-1', 'Done', { wave: 'first', step: 2, total: 10, contender: side(10, 10) }),
          cluster('us-1', 'Done', { wave: 'rest', step: 2, total: 20, contender: side(20, 20) }),
        ],
      },
    ],
    [
      'with a cluster that is away and one that failed',
      {
        ...started,
        phase: 'Paused',
        summary: 'us-1 failed',
        waves: [
          { name: 'first', phase: 'Done' },
          { name: 'rest', phase: 'Failed' },
        ],
        clusters: [
          cluster('eu-1', 'Done', {
            wave: 'first',
            step: 2,
            total: 10,
            contender: side(10, 10),
            incumbent: side(0, 0),
          }),
          cluster('us-1', 'Failed', {
            wave: 'rest',
            step: 0,
            stage: 'ContenderCapacity',
            total: 20,
            contender: side(0, 2),
            incumbent: side(20, 20),
            message:
              'no new pod became ready within 10m: image registry.example/shop/web:2 cannot be pulled; mend it and retry',
          }),
          cluster('us-2', 'Unreachable', {
            wave: 'rest',
            step: 0,
            unreachableSince: ago(200),
            message: 'the member has not answered since; it keeps what it has',
            total: 20,
            contender: side(2, 2),
            incumbent: side(18, 18),
          }),
        ],
      },
    ],
    [
      'of something without replicas',
      {
        ...started,
        phase: 'Progressing',
        waves: [{ name: 'first', phase: 'Progressing' }],
        clusters: [
          cluster('eu-1', 'Progressing', { wave: 'first', step: 0, stage: 'Installation' }),
          cluster('eu-2', 'Pending', { wave: 'first' }),
        ],
      },
      { steps: [{ name: 'all', capacity: { contender: 100 } }] },
    ],
  ] as readonly (readonly [string, RolloutStatus?, Partial<RolloutSpec>?])[]
).map(([name, status, fields]) => [name, status, fields]);

function tree(status: RolloutStatus | undefined, more: Partial<TreeInput> = {}): readonly string[] {
  return renderRolloutTree({
    namespace: 'shop',
    name: 'web',
    spec,
    status,
    upToDate: true,
    nowMs,
    width: 100,
    colour: false,
    ...more,
  });
}

describe('the tree of a rollout', () => {
  it.each(states)('%s', (_, status, fields) => {
    expect(`\n${tree(status, { spec: { ...spec, ...fields } }).join('\n')}\n`).toMatchSnapshot();
  });

  it.each(
    states.flatMap(([name, status]) => [40, 60, 80, 120, 200].map((width) => [name, width, status] as const)),
  )('%s: keeps to %i columns', (_, width, status) => {
    expect(tree(status, { width }).filter((line) => line.length > width)).toEqual([]);
  });

  it('says the same with colour', () => {
    for (const [, status] of states) {
      const coloured = tree(status, { colour: true });
      expect(coloured.some((line) => line.includes('\x1b['))).toBe(true);
      expect(coloured.map(stripVTControlCharacters).map((line) => line.trimEnd())).toEqual(tree(status));
    }
  });

  it('tells that the newest word has not been heard yet', () => {
    expect(tree(progressing, { upToDate: false }).join('\n')).toContain('has not been looked at yet');
    expect(tree(progressing).join('\n')).not.toContain('has not been looked at yet');
  });

  it('lets no other machine write to the terminal', () => {
    const [failed] = progressing.clusters ?? [];
    const evil: RolloutStatus = {
      ...progressing,
      summary: 'ends\x1b[2J here\nand there',
      clusters: [{ ...failed, name: 'eu-1\x1b]0;', phase: 'Failed', message: '\x1b[31mred' }],
    };
    expect(tree(evil).join('')).not.toMatch(/\p{Cc}/u);
  });

  it('counts a pause down', () => {
    const left = (atMs: number) =>
      /pause (\S+) left/.exec(tree(progressing, { nowMs: atMs }).join('\n'))?.[1];
    expect(left(nowMs)).toBe('2m10s');
    expect(left(nowMs + 10_000)).toBe('2m');
    expect(left(nowMs + 200_000)).toBeUndefined();
  });
});

describe('the tree of a large rollout in a low window', () => {
  const large: RolloutStatus = {
    ...started,
    phase: 'Progressing',
    waves: [
      { name: 'first', phase: 'Done' },
      { name: 'rest', phase: 'Progressing' },
    ],
    clusters: [
      ...Array.from({ length: 10 }, (_, index) => cluster(`a-${index}`, 'Done', { wave: 'first' })),
      ...Array.from({ length: 30 }, (_, index) =>
        cluster(`b-${index}`, index < 10 ? 'Done' : index === 10 ? 'Progressing' : 'Pending', {
          wave: 'rest',
        }),
      ),
    ],
  };

  it('shows every cluster where there is room', () => {
    expect(tree(large).filter((line) => /[ab]-\d/.test(line))).toHaveLength(40);
  });

  it('folds waves that are quiet first', () => {
    const lines = tree(large, { maxLines: 40 });
    expect(lines.filter((line) => /a-\d/.test(line))).toEqual([]);
    expect(lines.filter((line) => /b-\d/.test(line))).toHaveLength(30);
    expect(lines.join('\n')).toContain('10 of 10 clusters done');
  });

  it('then clusters that are quiet, and counts them', () => {
    const lines = tree(large, { maxLines: 12 });
    expect(lines.filter((line) => /[ab]-\d/.test(line))).toHaveLength(1);
    expect(lines.join('\n')).toContain('… 19 pending, 10 done');
  });
});
