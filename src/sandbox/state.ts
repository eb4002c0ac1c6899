import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HansaError } from '../base/index.ts';
import { memberSpecSchema, partsChoices } from './member-spec.ts';
import { components } from './versions.ts';
import { writeAtomically } from './write-atomically.ts';

const identitySchema = z.object({ pid: z.int(), start: z.string() });

const processSchema = z.object({
  ...identitySchema.shape,
  controlPlane: z.string(),
  component: z.enum(components),
  /** The whole command line, for people who look for it. */
  command: z.string(),
});

const controlPlaneSchema = z.object({
  name: z.string(),
  parts: z.enum(partsChoices),
  nodes: z.int(),
  apiPort: z.int(),
  etcdPort: z.int(),
  /** Absent for the host. */
  spec: z.exactOptional(memberSpecSchema),
});

const stateSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  /** Stands in the environment of each process, so that one that was started but not yet written down is known too. */
  mark: z.string(),
  /**
   * `starting` and `stopping` name work under way (or a crash in it), `up` means that all was ready once,
   * `kept` that only data is left.
   */
  phase: z.enum(['starting', 'up', 'stopping', 'kept']),
  detached: z.boolean(),
  keep: z.boolean(),
  /** The process that started it; an attached sandbox ends with it. */
  owner: identitySchema,
  startedAt: z.string(),
  kubernetesVersion: z.string(),
  podReadyDelayMs: z.int(),
  binaries: z.partialRecord(z.enum(components), z.string()),
  controlPlanes: z.array(controlPlaneSchema),
  processes: z.array(processSchema),
});

export type SandboxState = z.infer<typeof stateSchema>;
export type ProcessRecord = z.infer<typeof processSchema>;
export type ControlPlaneState = z.infer<typeof controlPlaneSchema>;

const fileName = 'state.json';

/**
 * What is recorded about a sandbox; undefined if there is none.
 * @throws HansaError StateUnreadable: nothing is guessed about processes to end.
 */
export function readState(dir: string): SandboxState | undefined {
  const path = join(dir, fileName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unreadable(path, error);
  }
}

export function writeState(dir: string, state: SandboxState): void {
  writeAtomically(join(dir, fileName), `${JSON.stringify(state, undefined, 2)}\n`);
}

/** Reads, changes and writes in one go, without a pause in which this process could do anything else. */
export function updateState(dir: string, change: (state: SandboxState) => SandboxState): void {
  const state = readState(dir);
  if (state) writeState(dir, change(state));
}

export function withProcess(state: SandboxState, record: ProcessRecord): SandboxState {
  return { ...state, processes: [...state.processes, record] };
}

export function withoutProcess(state: SandboxState, pid: number): SandboxState {
  return { ...state, processes: state.processes.filter((record) => record.pid !== pid) };
}

/** Whether both tell of the same start: a name, and kept data, can be started again by others. */
export function isSameRun(one: SandboxState, other: SandboxState): boolean {
  return (
    one.mark === other.mark && one.owner.pid === other.owner.pid && one.owner.start === other.owner.start
  );
}

/** Replaces what is recorded about one control plane. */
export function withSeat(state: SandboxState, seat: ControlPlaneState): SandboxState {
  return {
    ...state,
    controlPlanes: state.controlPlanes.map((each) => (each.name === seat.name ? seat : each)),
  };
}

function unreadable(path: string, cause: unknown): HansaError {
  return new HansaError(
    `cannot read ${path}, which says what this sandbox runs: end its processes by hand, then remove the directory`,
    { reason: 'StateUnreadable', retry: 'never', cause },
  );
}
