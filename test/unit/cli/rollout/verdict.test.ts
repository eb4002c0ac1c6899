import { describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../../../src/api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { nextSteps } from '../../../../src/cli/rollout/next-steps.ts';
import { verdictOn } from '../../../../src/cli/rollout/verdict.ts';
import { rolloutObject } from '../../../support/rollout-objects.ts';

const phases: readonly (readonly [NonNullable<RolloutStatus['phase']>, string])[] = [
  ['Idle', 'under-way'],
  ['Progressing', 'under-way'],
  ['Soaking', 'under-way'],
  ['Reverting', 'under-way'],
  ['Completed', 'completed'],
  ['Aborted', 'failed'],
  ['Failed', 'failed'],
  ['Paused', 'waits-for-person'],
  ['WaitingForApproval', 'waits-for-person'],
  ['Blocked', 'waits-for-person'],
];

describe('the verdict on a rollout', () => {
  it.each(phases)('in phase %s is %s', (phase, verdict) => {
    expect(verdictOn(rolloutObject({ status: { phase } })).kind).toBe(verdict);
  });

  it.each(phases)('in phase %s waits until the last word has been heard', (phase) => {
    const rollout = rolloutObject({ status: { phase, observedGeneration: 1 }, generation: 2 });
    expect(verdictOn(rollout).kind).toBe('under-way');
  });

  it('on something that every cluster has already is that it is complete', () => {
    const status = { phase: 'Idle', revision: 'a', stableRevision: 'a' } as const;
    expect(verdictOn(rolloutObject({ status })).kind).toBe('completed');
  });

  it('on a run that a newer edit ends waits for the newer one', () => {
    const status = { phase: 'Aborted', abortedBecause: 'superseded by revision c3333333' } as const;
    expect(verdictOn(rolloutObject({ status })).kind).toBe('under-way');
  });

  it('on what can never be carried out is a failure, and on what is still missing is not', () => {
    const valid = (reason: string): RolloutStatus => ({
      phase: 'Idle',
      conditions: [{ type: 'Valid', status: 'False', reason, message: 'spec.mode: no' }],
    });
    expect(verdictOn(rolloutObject({ status: valid('InvalidSpec') }))).toEqual({
      kind: 'failed',
      message: 'shop/web cannot be carried out: spec.mode: no',
    });
    expect(verdictOn(rolloutObject({ status: valid('SourceNotFound') })).kind).toBe('under-way');
  });

  it('waits for a first status', () => {
    expect(verdictOn(rolloutObject()).kind).toBe('under-way');
  });

  it('says why a revision was taken back', () => {
    const status = { phase: 'Aborted', abortedBecause: 'gate errors failed' } as const;
    expect(verdictOn(rolloutObject({ status }))).toEqual({
      kind: 'failed',
      message: 'shop/web was taken back: gate errors failed',
    });
  });
});

describe('what a person may say next', () => {
  const verbs = (...[parts]: Parameters<typeof rolloutObject>) => {
    const { spec, status } = rolloutObject(parts);
    return nextSteps({ namespace: 'shop', name: 'web', spec, status }).map(
      ({ command }) => command.split(' ')[2],
    );
  };

  it.each([
    ['an approval', { status: { phase: 'WaitingForApproval' } }, ['promote', 'abort']],
    ['a pause', { spec: { command: { paused: true } }, status: { phase: 'Paused' } }, ['resume', 'abort']],
    [
      'a target step',
      { spec: { command: { targetStep: 1 } }, status: { phase: 'Paused' } },
      ['set-step', 'abort'],
    ],
    ['a failure', { status: { phase: 'Paused' } }, ['retry', 'promote', 'abort']],
    ['an abort', { status: { phase: 'Aborted' } }, ['retry', 'undo']],
    ['nothing', { status: { phase: 'Progressing' } }, []],
  ] as const)('after %s', (_, parts, expected) => {
    expect(verbs(parts)).toEqual(expected);
  });

  it('says nothing to abort once all clusters have it', () => {
    expect(verbs({ status: { phase: 'Completed' } })).toEqual([]);
  });
});
