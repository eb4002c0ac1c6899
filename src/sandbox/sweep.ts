import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Found, processesToEnd } from './decide-start.ts';
import { findMarked } from './marked-processes.ts';
import { isRunning, signalProcess, startOf } from './process-identity.ts';
import { stopProcesses } from './start-process.ts';
import { readState, type SandboxState, writeState } from './state.ts';

/** Looks at what stands under a sandbox's directory. */
export function findSandbox(dir: string): Found {
  const state = readState(dir);
  return {
    state,
    ownerRuns: state !== undefined && isRunning(state.owner),
    running: state?.processes.filter(isRunning) ?? [],
  };
}

/** etcd finishes what it writes when it is asked to stop; only kept data is worth the wait. */
const keepGraceMs = 5_000;

/**
 * Ends what a sandbox has started, all of it and nothing else, and keeps or removes its directory. Can be repeated
 * after a crash at any point.
 */
export async function sweep(
  dir: string,
  state: SandboxState,
  { keep }: { readonly keep: boolean },
): Promise<void> {
  writeState(dir, { ...state, keep, phase: 'stopping' });
  await stopProcesses(processesToEnd(state.processes, findMarked(state.mark), startOf), {
    graceMs: keep ? keepGraceMs : 0,
  });
  if (keep) writeState(dir, { ...state, keep, phase: 'kept', processes: [] });
  else removeDirectory(dir);
}

/** The last resort when our own process exits and nothing can be awaited any more. */
export function sweepNow(dir: string): void {
  const state = readState(dir);
  if (!state) return;
  for (const each of processesToEnd(state.processes, findMarked(state.mark), startOf))
    signalProcess(each, 'SIGKILL');
}

/** state.json goes last: as long as it is there, an interrupted removal is gone on with by the next run. */
function removeDirectory(dir: string): void {
  for (const name of existsSync(dir) ? readdirSync(dir) : []) {
    if (name !== 'state.json') rmSync(join(dir, name), { recursive: true, force: true });
  }
  rmSync(dir, { recursive: true, force: true });
}
