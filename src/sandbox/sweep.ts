import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Found, processesToEnd } from './decide-start.ts';
import { findMarked } from './marked-processes.ts';
import { isRunning, signalProcess, startOf } from './process-identity.ts';
import { stopProcesses } from './start-process.ts';
import { isSameRun, readState, type SandboxState, writeState } from './state.ts';

/** Looks at what stands under a sandbox's directory. */
export function findSandbox(dir: string): Found {
  const state = readState(dir);
  return {
    state,
    ownerRuns: state !== undefined && isRunning(state.owner),
    running: state?.processes.filter(isRunning) ?? [],
  };
}

/** Time for etcd to finish what it writes. */
const etcdGraceMs = 5_000;

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
  const ours = processesToEnd(state.processes, findMarked(state.mark), startOf);
  // Only kept data is worth an orderly end, and only etcd has data: the others are killed, and before it.
  const etcds = keep ? ours.filter(({ pid }) => isEtcd(state, pid)) : [];
  await stopProcesses(
    ours.filter((each) => !etcds.includes(each)),
    { graceMs: 0 },
  );
  await stopProcesses(etcds, { graceMs: etcdGraceMs });
  if (keep) writeState(dir, { ...state, keep, phase: 'kept', processes: [] });
  else removeDirectory(dir);
}

function isEtcd({ processes }: SandboxState, pid: number): boolean {
  return processes.some((record) => record.pid === pid && record.component === 'etcd');
}

/**
 * The last resort when our own process exits and nothing can be awaited any more. Only what the given run started:
 * somebody may have taken it down and started another one under its name.
 */
export function sweepNow(dir: string, run: SandboxState): void {
  const state = readState(dir);
  if (!state || !isSameRun(state, run)) return;
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
