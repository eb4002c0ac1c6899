import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findMarked, markVariable } from '../../../src/sandbox/marked-processes.ts';
import { identityOf, isRunning, signalProcess, startOf } from '../../../src/sandbox/process-identity.ts';
import { startProcess, stopProcesses } from '../../../src/sandbox/start-process.ts';
import { readState, writeState } from '../../../src/sandbox/state.ts';
import { sweep, sweepNow } from '../../../src/sandbox/sweep.ts';
import { aProcess, aState } from './build-state.ts';

let dir: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hansa-unit-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function sleeper(env: Record<string, string> = {}): ChildProcess & { readonly pid: number } {
  const child = spawn('sleep', ['60'], { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' });
  children.push(child);
  if (child.pid === undefined) throw new Error('sleep did not start');
  return child as ChildProcess & { readonly pid: number };
}

describe('a process identity', () => {
  it('stays the same while the process runs and is gone with it', async () => {
    const { pid } = sleeper();
    const identity = identityOf(pid);
    expect(identity).toEqual({ pid, start: startOf(pid) });
    if (!identity) return;
    expect(isRunning(identity)).toBe(true);
    await stopProcesses([identity], { graceMs: 0 });
    expect(startOf(pid)).toBeUndefined();
  });

  it('tells a process from a later one with its number, and sends that no signal', () => {
    const { pid } = sleeper();
    expect(signalProcess({ pid, start: 'another start' }, 'SIGKILL')).toBe(false);
    expect(startOf(pid)).toBeDefined();
  });
});

describe('a sandbox that crashed', () => {
  it('is swept exactly: recorded and marked processes end, a stranger with a recorded number lives on', async () => {
    const [ours, marked, stranger] = [sleeper(), sleeper({ [markVariable]: 'a-mark' }), sleeper()];
    const other = sleeper({ [markVariable]: 'a-mark-of-another' });
    const box = join(dir, 'box');
    const state = aState({
      processes: [
        aProcess({ pid: ours.pid, start: startOf(ours.pid) ?? '' }),
        aProcess({ pid: stranger.pid, start: '12345@anotherboot' }),
      ],
    });
    writeState(box, state);
    expect(findMarked('a-mark').map(({ pid }) => pid)).toEqual(
      process.platform === 'linux' ? [marked.pid] : [],
    );

    await sweep(box, state, { keep: false });

    expect(startOf(ours.pid)).toBeUndefined();
    if (process.platform === 'linux') expect(startOf(marked.pid)).toBeUndefined();
    expect(startOf(stranger.pid)).toBeDefined();
    expect(startOf(other.pid)).toBeDefined();
    expect(() => statSync(box)).toThrow();
  });

  it('keeps its data when that was asked for, and forgets its processes', async () => {
    const ours = sleeper();
    const box = join(dir, 'box');
    const state = aState({ processes: [aProcess({ pid: ours.pid, start: startOf(ours.pid) ?? '' })] });
    writeState(box, state);
    writeFileSync(join(box, 'data'), 'precious');

    await sweep(box, state, { keep: true });

    expect(startOf(ours.pid)).toBeUndefined();
    expect(readFileSync(join(box, 'data'), 'utf8')).toBe('precious');
    expect(readState(box)).toMatchObject({ phase: 'kept', processes: [] });
  });

  it('ends at the exit of its owner, but not one that others have started since under its name', () => {
    const ours = sleeper();
    const box = join(dir, 'box');
    const later = aState({ processes: [aProcess({ pid: ours.pid, start: startOf(ours.pid) ?? '' })] });
    writeState(box, later);
    sweepNow(box, { ...later, owner: { pid: 2, start: '2@boot' } });
    expect(startOf(ours.pid)).toBeDefined();
    sweepNow(box, later);
    return vi.waitFor(() => expect(startOf(ours.pid)).toBeUndefined());
  });

  it('whose record cannot be read is left alone, with a sentence', () => {
    writeFileSync(join(dir, 'state.json'), '{"format":1,');
    expect(() => readState(dir)).toThrow(/end its processes by hand/);
    writeFileSync(join(dir, 'state.json'), '{"format":2}');
    expect(() => readState(dir)).toThrow(/end its processes by hand/);
  });
});

describe('starting a program', () => {
  const start = (command: string, args: string[], onStarted: () => void = () => {}) =>
    startProcess(
      { command, args, logPath: join(dir, 'logs', 'x.log'), env: process.env, cwd: dir },
      onStarted,
    );

  it('hands it over to be written down, and keeps its output for its owner alone', async () => {
    const onStarted = vi.fn();
    const { identity, ended } = await start('sh', ['-c', 'echo hello; echo oops >&2'], onStarted);
    expect(onStarted).toHaveBeenCalledWith(identity);
    await vi.waitFor(() => expect(ended.aborted).toBe(true));
    expect(readFileSync(join(dir, 'logs', 'x.log'), 'utf8')).toBe('hello\noops\n');
    expect(statSync(join(dir, 'logs', 'x.log')).mode & 0o777).toBe(0o600);
  });

  it('says so if there is no such program', async () => {
    await expect(start(join(dir, 'no-such-program'), [])).rejects.toMatchObject({ reason: 'CannotStart' });
  });

  it('ends even one that ignores being asked, and one that is frozen', async () => {
    const stubborn = await start('sh', ['-c', "trap '' TERM; echo ready; while :; do sleep 0.1; done"]);
    const frozen = await start('sleep', ['60']);
    await vi.waitFor(() => expect(readFileSync(join(dir, 'logs', 'x.log'), 'utf8')).toContain('ready'));
    signalProcess(frozen.identity, 'SIGSTOP');
    await stopProcesses([stubborn.identity, frozen.identity], { graceMs: 200 });
    expect(isRunning(stubborn.identity)).toBe(false);
    expect(isRunning(frozen.identity)).toBe(false);
  });
});
