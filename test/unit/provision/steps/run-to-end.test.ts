import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/base/index.ts';
import type { Machine, StepContext } from '../../../../src/provision/engine/executor.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';
import type { Step } from '../../../../src/provision/plan/steps.ts';
import { runToEnd } from '../../../../src/provision/steps/run-to-end.ts';
import type { LongResult } from '../../../../src/provision/transport/index.ts';
import { journalled, machine as machineSpec, spec } from '../plan/day-two-world.ts';

const step: Step = {
  id: 'm1/renew-certificates',
  kind: 'renew-certificates',
  machine: 'm1',
  title: 'renew certificates',
  reason: 'due',
  needs: [],
  inputs: { replace: ['a'] },
  exclusive: undefined,
  isPointOfNoReturn: false,
  isDestructive: false,
};

/** The id that the machine is given for the command, which decides whether it starts or attaches. */
async function idAfter(
  journal: readonly JournalRecord[],
  change: Partial<Step> = {},
  result: LongResult = { kind: 'ended', code: 1, signal: undefined, stdout: '', stderr: 'no' },
): Promise<string> {
  const ids: string[] = [];
  const machine: Pick<Machine, 'spec' | 'runLong'> = {
    spec: machineSpec('m1'),
    runLong: async ({ id }) => {
      ids.push(id);
      return result;
    },
  };
  const context: Pick<StepContext, 'cluster' | 'journal' | 'signal' | 'logger'> = {
    cluster: spec(['m1']),
    journal,
    signal: new AbortController().signal,
    logger: silentLogger,
  };
  await runToEnd(context as StepContext, { ...step, ...change }, machine as Machine, {
    what: 'Renew certificates',
    script: 'true',
    deadlineMs: 1000,
  });
  return ids[0] ?? '';
}

describe('the id of a long command', () => {
  it('is one the machine takes', async () => {
    expect(await idAfter([])).toMatch(/^renew-certificates-[0-9a-f]{16}$/);
  });

  it('is the same for an engine that was killed and comes back, so that it attaches', async () => {
    const started = [journalled(step.id, 'started')];
    const back = [
      ...started,
      journalled(step.id, 'interrupted'),
      { ...journalled(step.id, 'started'), attempt: 2 },
    ];
    expect(await idAfter(back)).toBe(await idAfter(started));
  });

  it.each(['failed', 'done', 'undone'] as const)('is new after an attempt that ended (%s)', async (event) => {
    expect(await idAfter([journalled(step.id, event)])).not.toBe(await idAfter([]));
  });

  it('is new after each further failure, and not moved by other steps', async () => {
    const first = { ...journalled(step.id, 'failed'), at: '2026-11-23T07:00:00Z' };
    const second = { ...journalled(step.id, 'failed'), at: '2026-11-23T07:05:00Z', attempt: 2 };
    expect(await idAfter([first, second])).not.toBe(await idAfter([first]));
    expect(await idAfter([first, journalled('m2/renew-certificates', 'failed')])).toBe(
      await idAfter([first]),
    );
  });

  it('is another for another wish, even with no journal left', async () => {
    expect(await idAfter([], { inputs: { replace: ['b'] } })).not.toBe(await idAfter([]));
  });
});

describe('a machine that was restarted meanwhile', () => {
  it('is looked at again before another attempt', async () => {
    await expect(idAfter([], {}, { kind: 'interrupted' })).rejects.toMatchObject({
      reason: 'MachineRestarted',
      retry: 'backoff',
    });
  });
});
