import { describe, expect, it } from 'vitest';
import { decideStart, type Found, processesToEnd, standingOf } from '../../../src/sandbox/decide-start.ts';
import type { ProcessRecord, SandboxState } from '../../../src/sandbox/state.ts';
import { aProcess, aState } from './build-state.ts';

const etcd = aProcess({ pid: 11, component: 'etcd' });
const server = aProcess({ pid: 12, component: 'kube-apiserver' });

function found(
  state: Partial<SandboxState> | undefined,
  { ownerRuns = false, running = [] }: { ownerRuns?: boolean; running?: ProcessRecord[] } = {},
): Found {
  return { state: state && aState({ processes: [etcd, server], ...state }), ownerRuns, running };
}

describe('starting a sandbox under a name', () => {
  it('starts where there is nothing', () => {
    expect(decideStart(found(undefined))).toEqual({ kind: 'start', sweepFirst: false, data: 'new' });
  });

  it.each([
    ['an attached one whose owner is gone', found({ phase: 'up' }, { running: [etcd, server] })],
    ['one whose start was killed', found({ phase: 'starting', detached: true }, { running: [etcd] })],
    ['one whose end was killed', found({ phase: 'stopping', detached: true }, { running: [server] })],
    ['a detached one after a restart of the machine', found({ phase: 'up', detached: true })],
  ])('cleans up %s', (_, remains) => {
    expect(standingOf(remains).kind).toBe('crashed');
    expect(decideStart(remains)).toEqual({ kind: 'start', sweepFirst: true, data: 'new' });
  });

  it('goes on with data that was to be kept, after a crash and after an orderly end', () => {
    expect(decideStart(found({ phase: 'up', keep: true }))).toMatchObject({ sweepFirst: true, data: 'kept' });
    expect(decideStart(found({ phase: 'kept', keep: true }))).toMatchObject({
      sweepFirst: false,
      data: 'kept',
    });
  });

  it.each([
    [
      'is up in another process',
      found({ phase: 'up' }, { ownerRuns: true, running: [etcd, server] }),
      /up already/,
    ],
    ['is up by itself', found({ phase: 'up', detached: true }, { running: [etcd, server] }), /up already/],
    ['is just being started', found({ phase: 'starting' }, { ownerRuns: true }), /wait/],
    [
      'lost one of its parts',
      found({ phase: 'up', detached: true }, { running: [etcd] }),
      /kube-apiserver of m1 ended/,
    ],
  ])('leaves one alone that %s', (_, there, message) => {
    expect(decideStart(there)).toEqual({ kind: 'refuse', because: expect.stringMatching(message) });
  });
});

describe('ending what a sandbox started', () => {
  const starts: Record<number, string> = {
    11: etcd.start,
    12: 'a later process with the same number',
    99: 'x',
  };

  it('ends recorded processes, but not a stranger that got the number of one', () => {
    expect(processesToEnd([etcd, server], [], (pid) => starts[pid])).toEqual([
      { pid: 11, start: etcd.start },
    ]);
  });

  it('ends a process that was started but not yet recorded, by its mark, and each only once', () => {
    const marked = [
      { pid: 11, start: etcd.start },
      { pid: 99, start: 'x' },
    ];
    expect(processesToEnd([etcd], marked, (pid) => starts[pid]).map(({ pid }) => pid)).toEqual([11, 99]);
  });
});
