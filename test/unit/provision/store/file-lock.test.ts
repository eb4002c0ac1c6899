import { existsSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kube/index.ts';
import { type FileLockOptions, takeFileLock } from '../../../../src/provision/store/file-lock.ts';
import { ownMark } from '../../../../src/provision/store/process-mark.ts';
import { temporaryFolder } from './builders.ts';

const options: FileLockOptions = {
  owner: 'anna@laptop',
  what: 'cluster clusters/shop',
  waitMs: 0,
  clock: systemClock,
};

function heldBy(path: string, holder: object, silentMs = 0): void {
  writeFileSync(
    path,
    JSON.stringify({ token: 'abc', owner: 'ben@desk', sinceMs: Date.now() - 125_000, ...holder }),
  );
  const beat = (Date.now() - silentMs) / 1000;
  utimesSync(path, beat, beat);
}

describe('a lock on a cluster', () => {
  it('is refused while it is held, with the owner and the age, and free afterwards', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    {
      await using _ = await takeFileLock(path, options);
      await expect(takeFileLock(path, { ...options, owner: 'ben@desk' })).rejects.toMatchObject({
        reason: 'Locked',
        message: expect.stringMatching(
          /^cluster clusters\/shop is being changed by anna@laptop \(process \d+ on \S+, for 0 s, last sign of life 0 s ago\): wait/,
        ),
      });
    }
    expect(existsSync(path)).toBe(false);
    await using again = await takeFileLock(path, options);
    await again.assertHeld();
  });

  it('is waited for where the caller has time', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    const first = await takeFileLock(path, options);
    const waiting = takeFileLock(path, { ...options, waitMs: 5_000 });
    await systemClock.sleep(60);
    await first[Symbol.asyncDispose]();
    await using second = await waiting;
    await expect(second.assertHeld()).resolves.toBeUndefined();
  });

  it('is not waited for by one who was told to stop, who leaves nothing behind', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    await using held = await takeFileLock(path, options);
    const signal = AbortSignal.timeout(40);
    const waiting = takeFileLock(path, { ...options, waitMs: 5_000, signal });
    await expect(waiting).rejects.toMatchObject({ reason: 'Cancelled' });
    expect(readdirSync(folder.path)).toEqual(['lock']);
    await held.assertHeld();
  });

  it('is taken over from a process that is dead', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    // Its pid belongs to another process by now: this one.
    heldBy(path, { ...ownMark(), start: 'another start' });
    await using taken = await takeFileLock(path, options);
    await expect(taken.assertHeld()).resolves.toBeUndefined();
  });

  it('stays with a living process of this host, however silent', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    await using held = await takeFileLock(path, options);
    utimesSync(path, 1, 1);
    await expect(takeFileLock(path, { ...options, staleMs: 10, heartbeatMs: 10 })).rejects.toMatchObject({
      reason: 'Locked',
    });
    await held.assertHeld();
  });

  it('stays with another host that gives signs of life', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    heldBy(path, { pid: 1, start: 'x', place: 'elsewhere' }, 30_000);
    await expect(takeFileLock(path, options)).rejects.toThrow(
      /ben@desk \(process 1 on elsewhere, for 2 min 5 s, last sign of life 30 s ago\)/,
    );
  });

  it('is taken over from another host that is silent while it is watched', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    heldBy(path, { pid: 1, start: 'x', place: 'elsewhere' }, 61_000);
    await using taken = await takeFileLock(path, { ...options, heartbeatMs: 40 });
    await expect(taken.assertHeld()).resolves.toBeUndefined();
  });

  it('but not from one whose clock is wrong and that does give signs', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    heldBy(path, { pid: 1, start: 'x', place: 'elsewhere' }, 3_600_000);
    const waiting = takeFileLock(path, { ...options, heartbeatMs: 100 });
    await systemClock.sleep(50);
    const beat = Date.now() / 1000 - 3_599;
    utimesSync(path, beat, beat);
    await expect(waiting).rejects.toMatchObject({ reason: 'Locked' });
  });

  it('gives signs of life while it is held', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    await using held = await takeFileLock(path, { ...options, heartbeatMs: 20 });
    utimesSync(path, 1, 1);
    await systemClock.sleep(100);
    await expect(takeFileLock(path, options)).rejects.toThrow(/last sign of life 0 s ago/);
    await held.assertHeld();
  });

  it('that was taken away is noticed, and what the new holder has is left alone', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    const held = await takeFileLock(path, { ...options, heartbeatMs: 20 });
    renameSync(path, `${path}.gone`);
    heldBy(path, { pid: 1, start: 'x', place: 'elsewhere' });
    await expect(held.assertHeld()).rejects.toMatchObject({ reason: 'LockLost' });
    await systemClock.sleep(60);
    expect(held.lost.aborted).toBe(true);
    await held[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(true);
    rmSync(path);
  });

  it('of one who died while breaking it for a dead holder is broken by the next', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    const dead = { ...ownMark(), start: 'dead' };
    heldBy(path, { ...dead, token: 'a1' });
    heldBy(`${path}.break-a1`, { ...dead, token: 'b2' });
    heldBy(`${path}.break-b2`, { ...dead, token: 'c3' });
    await using taken = await takeFileLock(path, options);
    await expect(taken.assertHeld()).resolves.toBeUndefined();
    expect(readdirSync(folder.path)).toEqual(['lock']);
  });

  it('that a power cut left empty is taken over', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    writeFileSync(path, '');
    await using taken = await takeFileLock(path, options);
    await expect(taken.assertHeld()).resolves.toBeUndefined();
  });

  it.each([1, 2, 3, 4, 5])('of a dead holder is had by one alone, however many try (round %i)', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'lock');
    heldBy(path, { ...ownMark(), start: 'dead' });
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await using lock = await takeFileLock(path, { ...options, waitMs: 15_000 });
        inside += 1;
        most = Math.max(most, inside);
        await systemClock.sleep(1);
        await lock.assertHeld();
        inside -= 1;
      }),
    );
    expect(most).toBe(1);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
