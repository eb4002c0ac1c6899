import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backupName,
  backupTime,
  backupVerdict,
  expiredBackups,
} from '../../../../src/provision/plan/backup.ts';

const north = { namespace: 'default', name: 'north' };
const now = Date.UTC(2026, 10, 23, 7, 15, 0);

describe('the name of a backup', () => {
  it('tells whose it is and when it was taken', () => {
    expect(backupName(north, now)).toBe('default.north-20261123T071500Z.hansa-backup');
    expect(backupTime(north, backupName(north, now))).toBe(now);
  });

  it.each([
    ['another cluster', { namespace: 'default', name: 'north-2' }],
    ['a cluster whose name is longer', { namespace: 'default', name: 'nor' }],
    ['another namespace', { namespace: 'test', name: 'north' }],
  ])('is not taken for one of %s', (_case, cluster) => {
    expect(backupTime(cluster, backupName(north, now))).toBeUndefined();
    expect(backupTime(north, backupName(cluster, now))).toBeUndefined();
  });

  it('is not seen in other files', () => {
    for (const name of [
      '',
      'notes.txt',
      'default.north-2026.hansa-backup',
      'default.north-20261123T071500Z.hansa-backup.part',
    ]) {
      expect(backupTime(north, name)).toBeUndefined();
    }
  });
});

describe('retention', () => {
  it('keeps the newest, as many as asked, and never lets the last one go', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(10_000), { maxLength: 12 }),
        fc.integer({ min: -1, max: 8 }),
        (times, retention) => {
          const backups = times.map((takenAt) => ({ name: String(takenAt), takenAt, sizeBytes: 1 }));
          const gone = expiredBackups(backups, retention).map(({ takenAt }) => takenAt);
          const kept = times.filter((time) => !gone.includes(time));
          expect(kept).toHaveLength(Math.min(times.length, Math.max(1, retention)));
          for (const time of gone) for (const one of kept) expect(time).toBeLessThan(one);
          expect(gone).toEqual(gone.toSorted((a, b) => a - b));
        },
      ),
    );
  });
});

describe('a scheduled backup', () => {
  const daily = { schedule: '0 3 * * *' };
  const at = (day: number, hour: number): number => Date.UTC(2026, 10, day, hour);

  it('is due once its hour is past', () => {
    expect(backupVerdict(daily, { last: at(22, 3), since: 0, now: at(23, 2) })).toEqual({
      kind: 'later',
      at: at(23, 3),
    });
    expect(backupVerdict(daily, { last: at(22, 3), since: 0, now: at(23, 3) })).toEqual({
      kind: 'due',
      since: at(23, 3),
    });
  });

  it('is made up for once, however many were missed', () => {
    expect(backupVerdict(daily, { last: at(1, 3), since: 0, now: at(23, 12) })).toEqual({
      kind: 'due',
      since: at(2, 3),
    });
    expect(backupVerdict(daily, { last: at(23, 12), since: 0, now: at(23, 12) })).toEqual({
      kind: 'later',
      at: at(24, 3),
    });
  });

  it('is not due at once on a new cluster', () => {
    expect(backupVerdict(daily, { last: undefined, since: at(23, 4), now: at(23, 5) })).toEqual({
      kind: 'later',
      at: at(24, 3),
    });
  });

  it('never comes without a schedule', () => {
    expect(backupVerdict(undefined, { last: undefined, since: 0, now })).toEqual({ kind: 'never' });
    expect(backupVerdict({ schedule: undefined }, { last: undefined, since: 0, now })).toEqual({
      kind: 'never',
    });
  });
});
