import { describe, expect, it } from 'vitest';
import { abort } from '../../../../src/cli/rollout/abort.ts';
import { chooseRevisions } from '../../../../src/cli/rollout/choose-revisions.ts';
import { pause, resume } from '../../../../src/cli/rollout/pause.ts';
import { retry } from '../../../../src/cli/rollout/retry.ts';
import { setStep } from '../../../../src/cli/rollout/set-step.ts';
import { undo } from '../../../../src/cli/rollout/undo.ts';
import { revisionObject, rolloutObject } from '../../../support/rollout-objects.ts';

const running = { phase: 'Progressing', revision: 'new11111', stableRevision: 'old00000', step: 1 } as const;
const done = { phase: 'Completed', revision: 'new11111', stableRevision: 'new11111' } as const;

describe('pause and resume', () => {
  it('set and take away one field', () => {
    expect(pause(rolloutObject({ status: running }))).toMatchObject({ command: { paused: true } });
    const paused = rolloutObject({
      spec: { command: { paused: true } },
      status: { ...running, phase: 'Paused' },
    });
    expect(pause(paused).kind).toBe('already');
    expect(resume(paused)).toMatchObject({ command: { paused: null } });
  });

  it('are not the mend for what stopped by itself', () => {
    const stopped = resume(
      rolloutObject({ status: { ...running, phase: 'Paused', summary: 'eu-1 failed' } }),
    );
    expect(stopped).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('eu-1 failed') as string,
    });
    const waiting = resume(rolloutObject({ status: { ...running, phase: 'WaitingForApproval' } }));
    expect(waiting).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('promote web') as string,
    });
    expect(resume(rolloutObject({ status: running })).kind).toBe('already');
  });
});

describe('abort', () => {
  const say = abort({ reason: 'checkout fails', by: 'alice' });

  it('names the revision under way, and why and who', () => {
    expect(say(rolloutObject({ status: running }))).toMatchObject({
      kind: 'change',
      command: { abort: 'new11111' },
      annotations: { 'rollout.hansa.dev/abort-reason': 'new11111: checkout fails (alice)' },
    });
  });

  it('takes an older reason away when it has none', () => {
    const said = abort({ reason: undefined, by: 'alice' })(rolloutObject({ status: running }));
    expect(said).toMatchObject({ annotations: { 'rollout.hansa.dev/abort-reason': null } });
  });

  it('is refused where nothing is under way', () => {
    expect(say(rolloutObject({ status: done }))).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('hansa rollout undo web -n shop') as string,
    });
    expect(say(rolloutObject()).kind).toBe('refused');
  });

  it('is said once', () => {
    const said = rolloutObject({ spec: { command: { abort: 'new11111' } }, status: running });
    expect(say(said).kind).toBe('already');
  });
});

describe('retry', () => {
  const say = retry('2026-01-01T12:00:00Z');

  it.each(['Aborted', 'Failed', 'Paused', 'Reverting'] as const)('starts again after %s', (phase) => {
    expect(say(rolloutObject({ status: { ...running, phase } }))).toMatchObject({
      command: { retry: '2026-01-01T12:00:00Z', abort: null },
    });
  });

  it.each(['Progressing', 'Completed', 'WaitingForApproval', 'Blocked', 'Soaking'] as const)(
    'is refused in phase %s',
    (phase) => expect(say(rolloutObject({ status: { ...running, phase } })).kind).toBe('refused'),
  );

  it('tells that a pause still holds', () => {
    const paused = rolloutObject({
      spec: { command: { paused: true } },
      status: { ...running, phase: 'Failed' },
    });
    expect(say(paused)).toMatchObject({ told: expect.stringContaining('still paused') as string });
  });
});

describe('set-step', () => {
  it.each([
    ['0', 0],
    ['canary', 0],
    ['half', 1],
    ['2', 2],
  ])('%s goes to step %i', (wanted, targetStep) => {
    expect(setStep(wanted)(rolloutObject({ status: running }))).toMatchObject({ command: { targetStep } });
  });

  it('says when it goes back', () => {
    expect(setStep('0')(rolloutObject({ status: running }))).toMatchObject({
      told: expect.stringContaining('goes back to step 0 (canary)') as string,
    });
  });

  it.each(['3', '-1', 'quarter', '1.5', ''])('%j is refused with the steps that there are', (wanted) => {
    expect(setStep(wanted)(rolloutObject({ status: running }))).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('0 (canary), 1 (half), 2 (full), or "end"') as string,
    });
  });

  it('end lets it go on', () => {
    const held = rolloutObject({ spec: { command: { targetStep: 1 } }, status: running });
    expect(setStep('end')(held)).toMatchObject({ command: { targetStep: null } });
    expect(setStep('end')(rolloutObject({ status: running })).kind).toBe('already');
    expect(setStep('1')(held).kind).toBe('already');
  });
});

const revisions = [
  revisionObject(1, 'a1111111'),
  revisionObject(2, 'b2222222'),
  revisionObject(3, 'c3333333'),
];

describe('undo', () => {
  const completed = rolloutObject({
    status: {
      phase: 'Completed',
      revision: 'c3333333',
      stableRevision: 'c3333333',
      history: [
        { revision: 'a1111111', outcome: 'Completed' },
        { revision: 'b2222222', outcome: 'Aborted' },
        { revision: 'c3333333', outcome: 'Completed' },
      ],
    },
  });

  it('goes to the last other revision that was completed', () => {
    expect(undo({}, revisions)(completed)).toMatchObject({ command: { undoTo: 'a1111111', abort: null } });
  });

  it('goes, while a run is under way, to what is being replaced', () => {
    const status = { ...running, revision: 'c3333333', stableRevision: 'b2222222' };
    expect(undo({}, revisions)(rolloutObject({ status }))).toMatchObject({ command: { undoTo: 'b2222222' } });
  });

  it.each([
    [{ revision: 'b2222222' }, 'b2222222'],
    [{ revision: 'b2' }, 'b2222222'],
    [{ number: 2 }, 'b2222222'],
  ])('%j goes to %s', (wish, undoTo) => {
    expect(undo(wish, revisions)(completed)).toMatchObject({ command: { undoTo } });
  });

  it.each([
    [{ revision: 'd4' }, 'has no revision "d4"'],
    [{ revision: '' }, 'begins several'],
    [{ number: 9 }, 'no revision number 9'],
  ])('%j is refused', (wish, because) => {
    expect(undo(wish, revisions)(completed)).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining(because) as string,
    });
  });

  it('is refused where the one before is not kept, or there was none', () => {
    expect(undo({}, revisions.slice(2))(completed).kind).toBe('refused');
    expect(undo({}, [])(rolloutObject({ status: done })).kind).toBe('refused');
  });

  it('to what every cluster has changes nothing', () => {
    expect(undo({ number: 3 }, revisions)(completed).kind).toBe('already');
  });
});

describe('the revisions that are compared', () => {
  const chosen = (wanted: readonly string[], status = {}) => {
    const choice = chooseRevisions(rolloutObject({ status }), revisions, wanted);
    return choice.ok ? [choice.before.spec.number, choice.after.spec.number] : choice.because;
  };
  const underWay = { revision: 'c3333333', stableRevision: 'a1111111' };
  const over = { revision: 'c3333333', stableRevision: 'c3333333' };

  it.each([
    ['what clusters come from and go to', [], underWay, [1, 3]],
    ['the last two, with nothing under way', [], over, [2, 3]],
    ['a given one and the newest', ['b2'], underWay, [2, 3]],
    ['two given ones, in their order', ['3', '1'], underWay, [3, 1]],
    ['the last two, before any status', [], {}, [2, 3]],
  ] as const)('are %s', (_, wanted, status, numbers) => {
    expect(chosen(wanted, status)).toEqual(numbers);
  });

  it('are refused where one is not kept', () => {
    expect(chosen(['zz'])).toContain('no kept revision "zz"');
    const alone = chooseRevisions(rolloutObject({ status: over }), revisions.slice(2), []);
    expect(alone.ok).toBe(false);
  });
});
