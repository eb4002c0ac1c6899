import { describe, expect, it } from 'vitest';
import {
  decideWork,
  driftIntervalMs,
  type WorkSight,
} from '../../../../src/provision/controller/decide-work.ts';

const now = Date.UTC(2026, 10, 23, 12);

function settled(changes: Partial<WorkSight> = {}): WorkSight {
  return {
    movedTo: undefined,
    paused: false,
    isDeleting: false,
    wish: 'a',
    appliedWish: 'a',
    isMade: true,
    lookedAt: now,
    failure: undefined,
    operations: [],
    certificates: undefined,
    backup: { kind: 'never' },
    notBefore: {},
    ...changes,
  };
}

const due = { status: 'False', reason: 'RenewalDue', message: 'ends soon', daysLeft: 5 } as never;
const failed = { at: now, times: 2, wish: 'a' };

describe('what is done next for a cluster', () => {
  it.each<[string, Partial<WorkSight>, ReturnType<typeof decideWork>]>([
    ['waits for the next comparison', {}, { kind: 'wait', until: now + driftIntervalMs }],
    ['is made when it is new', { appliedWish: undefined }, { kind: 'apply', because: 'new' }],
    ['follows its spec', { wish: 'b' }, { kind: 'apply', because: 'spec-changed' }],
    ['is compared again', { lookedAt: now - driftIntervalMs }, { kind: 'apply', because: 'drift' }],
    ['is left alone elsewhere', { movedTo: 'file' }, { kind: 'moved', to: 'file', release: false }],
    [
      'only loses its finalizer elsewhere',
      { movedTo: 'file', isDeleting: true },
      { kind: 'moved', to: 'file', release: true },
    ],
    ['rests while paused', { paused: true, wish: 'b' }, { kind: 'paused' }],
    ['goes before anything else', { isDeleting: true, wish: 'b' }, { kind: 'delete' }],
    [
      'waits after a failure, twice as long each time',
      { failure: failed },
      { kind: 'wait', until: now + 60_000 },
    ],
    ['tries again', { failure: { ...failed, at: now - 60_000 } }, { kind: 'apply', because: 'retry' }],
    [
      'forgets a failure once the spec is changed',
      { failure: failed, wish: 'b' },
      { kind: 'apply', because: 'spec-changed' },
    ],
    ['renews certificates', { certificates: due }, { kind: 'renew-certificates' }],
    [
      'renews certificates though its spec can’t be carried out',
      { certificates: due, failure: failed },
      { kind: 'renew-certificates' },
    ],
    ['is backed up', { backup: { kind: 'due', since: now - 1 } }, { kind: 'back-up', since: now - 1 }],
    [
      'neither renews nor backs up what was never made',
      { isMade: false, certificates: due, backup: { kind: 'due', since: now - 1 } },
      { kind: 'wait', until: now + driftIntervalMs },
    ],
    [
      'does not renew again at once after that failed',
      { certificates: due, notBefore: { renewal: now + 9 } },
      { kind: 'wait', until: now + 9 },
    ],
    [
      'does not back up again at once after that failed',
      { backup: { kind: 'due', since: now - 1 }, notBefore: { backup: now + 9 } },
      { kind: 'wait', until: now + 9 },
    ],
    ['wakes for a backup', { backup: { kind: 'later', at: now + 5 } }, { kind: 'wait', until: now + 5 }],
  ])('%s', (_, changes, work) => {
    expect(decideWork(settled(changes), now)).toEqual(work);
  });

  it('runs a destructive operation only once it is approved', () => {
    const reset = { name: 'put-back', type: 'Restore', isDestructive: true } as const;
    const waiting = settled({ operations: [{ ...reset, approved: false }] });
    expect(decideWork(waiting, now).kind).toBe('wait');
    const approved = settled({ operations: [{ ...reset, approved: true }] });
    expect(decideWork(approved, now)).toEqual({ kind: 'operation', name: 'put-back' });
  });
});
