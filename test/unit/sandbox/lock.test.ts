import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

  it('of a dead holder is never taken by two processes at once', { timeout: 60_000 }, async () => {
    const source = new URL('../../../src/sandbox/lock.ts', import.meta.url).href;
    const script = `
      import { appendFileSync, writeFileSync } from 'node:fs';
      import { takeLock } from ${JSON.stringify(source)};
      for (let round = 0; round < 40; round += 1) {
        const lock = await takeLock(${JSON.stringify(path)}, { waitMs: 60_000 });
        appendFileSync(${JSON.stringify(`${path}.log`)}, 'in\\n');
        await new Promise((resolve) => setTimeout(resolve, 1));
        appendFileSync(${JSON.stringify(`${path}.log`)}, 'out\\n');
        lock[Symbol.dispose]();
        // The next finds what a killed holder leaves, unless another was quicker.
        try { writeFileSync(${JSON.stringify(path)}, JSON.stringify({ pid: 4194305, start: 'dead' }), { flag: 'wx' }); } catch {}
      }`;
    const run = promisify(execFile);
    await Promise.all(
      Array.from({ length: 4 }, () => run(process.execPath, ['--input-type=module', '-e', script])),
    );
    const log = readFileSync(`${path}.log`, 'utf8').trim().split('\n');
    expect(log).toHaveLength(4 * 40 * 2);
    expect(log.filter((word, index) => word !== (index % 2 === 0 ? 'in' : 'out'))).toEqual([]);
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
