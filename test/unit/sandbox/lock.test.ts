import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../../src/sandbox/lock.ts';
import { startOf } from '../../../src/sandbox/process-identity.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-unit-'));
  path = join(dir, 'lock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a lock', () => {
  it('lets one work after the other, never two at once, and leaves nothing behind', async () => {
    let working = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        using _lock = await takeLock(path, { waitMs: 10_000 });
        working += 1;
        most = Math.max(most, working);
        await new Promise((resolve) => setTimeout(resolve, 5));
        working -= 1;
      }),
    );
    expect(most).toBe(1);
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([
    ['died', JSON.stringify({ pid: 2 ** 22 + 1, start: '1@boot' })],
    ['died, and whose number another process has now', JSON.stringify({ pid: process.pid, start: '1@boot' })],
    ['left nonsense', 'nonsense'],
  ])('of a holder that %s is taken over at once, by one of those who wait', async (_, content) => {
    writeFileSync(path, content);
    let working = 0;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        using _lock = await takeLock(path, { waitMs: 10_000 });
        working += 1;
        expect(working).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        working -= 1;
      }),
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  it('of a living holder is waited for, with word of who that is, up to the limit', async () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, start: startOf(process.pid) }));
    const holders: number[] = [];
    const taken = takeLock(path, { waitMs: 150, onWait: ({ pid }) => holders.push(pid) });
    await expect(taken).rejects.toMatchObject({ reason: 'Locked' });
    expect(holders).toEqual([process.pid]);
    expect(readdirSync(dir)).toEqual(['lock']);
  });

  it('is not waited for after an abort', async () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, start: startOf(process.pid) }));
    const signal = AbortSignal.timeout(50);
    await expect(takeLock(path, { waitMs: 60_000, signal })).rejects.toThrow();
  });
});
