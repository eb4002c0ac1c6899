import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { changeLines } from '../../../../src/cli/rollout/change-lines.ts';
import { cluster, rolloutObject, side } from '../../../support/rollout-objects.ts';

const status: RolloutStatus = {
  phase: 'Progressing',
  revision: '5d1f3c7a',
  summary: 'wave first goes to step canary',
  waves: [{ name: 'first', phase: 'Progressing' }],
  clusters: [
    cluster('eu-1', 'Progressing', {
      step: 0,
      stage: 'ContenderCapacity',
      contender: side(0, 1),
      incumbent: side(10, 10),
    }),
    cluster('eu-2', 'Pending'),
  ],
};
const before = rolloutObject({ status });

describe('the lines of a log', () => {
  it('tell everything at first', () => {
    expect(changeLines(undefined, before)).toEqual([
      'shop/web: Progressing, revision 5d1f3c7a: wave first goes to step canary',
      'wave first: under way',
      'eu-1: under way, step canary, new pods, new 0/1, old 10/10',
      'eu-2: pending',
    ]);
  });

  it('then only what is new', () => {
    const [first, second] = status.clusters ?? [];
    const after = rolloutObject({
      status: {
        ...status,
        clusters: [
          { ...first, name: 'eu-1', phase: 'StepReached', contender: side(1, 1) },
          second ?? cluster('eu-2', 'Pending'),
        ],
        gates: [
          { key: '5d1f3c7a/first/canary/eu-1/errors', phase: 'Running', message: 'result 0.002 is < 0.01' },
          { key: '0c41a7b2/first/canary/eu-1/errors', phase: 'Failed', message: 'of the run before' },
        ],
      },
    });
    expect(changeLines(before, after)).toEqual([
      'eu-1: step reached, step canary, new 1/1, old 10/10',
      'eu-1: gate errors being asked: result 0.002 is < 0.01',
    ]);
    expect(changeLines(after, after)).toEqual([]);
  });

  it('keep to one line each, whatever a message holds', () => {
    const evil = rolloutObject({ status: { ...status, summary: 'one\ntwo\x1b[2J' } });
    expect(changeLines(before, evil).join('')).not.toMatch(/\p{Cc}/u);
  });

  it('say that nobody has looked yet', () => {
    expect(changeLines(undefined, rolloutObject())).toEqual(['shop/web: no controller has looked at it yet']);
  });
});
