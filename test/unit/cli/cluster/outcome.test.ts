import { describe, expect, it } from 'vitest';
import { type Outcome, renderOutcome } from '../../../../src/cli/cluster/outcome.ts';
import type { ClusterPlan, PlanRefusal, PlanStep, StepEnd } from '../../../../src/provision/index.ts';

const words = { done: 'all done', nothing: 'nothing to do', again: 'hansa cluster apply shop' };

function step(id: string): PlanStep {
  return {
    id,
    kind: 'join-worker',
    machine: id.split('/')[0],
    title: 'join',
    reason: 'it is new',
    needs: [],
    inputs: {},
    exclusive: undefined,
    isPointOfNoReturn: false,
    isDestructive: false,
  };
}

function refusal(reason: string, change: Partial<PlanRefusal> = {}): PlanRefusal {
  return { reason, machine: undefined, field: undefined, message: 'something is wrong', ...change };
}

function refused(...refusals: readonly PlanRefusal[]): Outcome {
  return { cluster: 'shop', plan: { steps: [], refusals, warnings: [] }, result: undefined, tookMs: 1 };
}

function ended(...ends: readonly StepEnd[]): Outcome {
  const plan: ClusterPlan = { steps: [], refusals: [], warnings: [] };
  const steps = ends.map((end, index) => ({ step: step(`m${index + 1}/join-worker`), end }));
  const isComplete = ends.every(({ kind }) => kind === 'done');
  return { cluster: 'shop', plan, result: { isComplete, steps }, tookMs: 1 };
}

const failed = (reason: string): StepEnd => ({
  kind: 'failed',
  reason,
  message: 'no space left',
  isUndone: false,
});

describe('the end of work on a cluster', () => {
  it('is one line where all was done, and one where nothing was to do', () => {
    expect(renderOutcome(ended({ kind: 'done', tookMs: 5 }), words)).toBe('✓ all done');
    expect(renderOutcome({ ...refused(), plan: { steps: [], refusals: [], warnings: [] } }, words)).toBe(
      '✓ nothing to do',
    );
  });

  it('names each step that failed, what was not started, and the command that goes on', () => {
    const text = renderOutcome(
      ended({ kind: 'done', tookMs: 5 }, failed('DiskFull'), {
        kind: 'not-started',
        because: 'm2/join-worker',
      }),
      words,
    );
    expect(text).toBe(
      [
        '✗ cluster shop is not there yet: 1 step failed, 1 not started, 1 done',
        '  m2, join: no space left [DiskFull]',
        '  Next: hansa cluster apply shop',
      ].join('\n'),
    );
  });

  it('tells who stopped it', () => {
    const text = renderOutcome(
      ended({ kind: 'interrupted' }, { kind: 'not-started', because: undefined }),
      words,
    );
    expect(text).toContain('stopped by you, 1 interrupted, 1 not started');
  });
});

describe('the next command after a refusal', () => {
  it.each([
    ['QuorumLost', 'hansa cluster recover shop'],
    ['ClusterDown', 'hansa cluster status shop'],
    ['ClusterGone', 'hansa cluster restore shop --from latest'],
    ['OperationOpen', 'hansa cluster restore shop'],
    ['BackupMissing', 'hansa cluster backups shop'],
    ['DuplicateMachineId', 'hansa cluster apply shop'],
  ])('%s: %s', (reason, command) => {
    const text = renderOutcome(refused(refusal(reason)), words);
    expect(text).toContain('✗ cluster shop: nothing was changed');
    expect(text.split('  Next: ')[1]).toContain(command);
  });

  it('is none where no command helps', () => {
    expect(renderOutcome(refused(refusal('Downgrade')), words)).toBe('✗ cluster shop: nothing was changed');
  });

  it('has the flag for a machine that is off for good', () => {
    const off = refusal('MachineUnreachable', {
      machine: 'm3',
      message: 'm3 can\'t be reached: say so with "--forget-unreachable m3"',
    });
    expect(renderOutcome(refused(off), words)).toContain('--forget-unreachable m3');
  });

  it('has the flag for a machine that nobody has met', () => {
    const stranger = refusal('MachineUnreachable', {
      machine: 'm1',
      message:
        "m1 can't be reached: the host key SHA256:abc (ssh-ed25519) of op@m1:22 is not known: compare it",
    });
    expect(renderOutcome(refused(stranger), words)).toContain('hansa cluster apply shop --accept-host-keys');
  });
});
