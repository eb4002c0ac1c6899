import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { HansaError, messageOf, type Progress, silentProgress } from '../base/index.ts';
import { ensureBinaries } from './binaries.ts';
import { type BinarySet, pathsOf } from './binary-set.ts';
import type { ControlPlane } from './control-plane.ts';
import { decideStart, type Found, type StartDecision } from './decide-start.ts';
import { findFreePort, releasePort } from './free-ports.ts';
import { lockSandbox } from './lock-sandbox.ts';
import type { MemberSpec, Parts } from './member-spec.ts';
import { writeMergedKubeconfig } from './merged-kubeconfig.ts';
import { sandboxDirFor, sandboxesDirFor } from './places.ts';
import { planSeats } from './plan-seats.ts';
import { identityOf, type ProcessIdentity } from './process-identity.ts';
import type { Ground } from './run-component.ts';
import { groundOf, type Sandbox, sandboxHandle } from './sandbox.ts';
import { startControlPlane } from './start-control-plane.ts';
import {
  type ControlPlaneState,
  isSameRun,
  readState,
  type SandboxState,
  updateState,
  writeState,
} from './state.ts';
import { findSandbox, sweep, sweepNow } from './sweep.ts';
import { type Component, compareVersions, components } from './versions.ts';
import { startWatchdog } from './watchdog.ts';

export interface SandboxOptions {
  readonly name: string;
  readonly members: readonly MemberSpec[];
  /**
   * `api`: etcd and API server; namespaces are never finally deleted and get no service account.
   * `controllers`: with kube-controller-manager, which mends both. `full`: with scheduler, kwok and simulated nodes, so
   * that pods become Ready. Default `api`.
   */
  readonly parts?: Parts;
  /** The same for the host. Default: `controllers` if the members are `full`, else `api`. */
  readonly hostParts?: Parts;
  /** Simulated nodes of each member whose parts are `full`. Default 2. */
  readonly nodesPerMember?: number;
  readonly kubernetesVersion?: string;
  /** The ports are this one and those after it, two a control plane. Absent = free ones are chosen. */
  readonly basePort?: number;
  /** Where sandboxes live; each in a directory of its name. */
  readonly dir?: string;
  /** `down` keeps the data, and the next start under this name goes on with it. */
  readonly keep?: boolean;
  /** Outlives this process. Otherwise it ends with it, even when that is killed. */
  readonly detached?: boolean;
  /** Time from a pod's placement to its being Ready. Default 0. */
  readonly podReadyDelayMs?: number;
  /** Programs to use, when the caller has them already. */
  readonly binaries?: BinarySet;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

const defaultNodes = 2;

/**
 * Starts a host and its members, and returns when all of them can be worked with.
 *
 * *Flow*: programs; lock on the name; remains of a crash ended; control planes, all at once; kubeconfig.
 * *Guarantees*: what was started is in state.json first, so an abort, an error or a crash at any point leaves nothing
 * that is not ended at once or by the next start or stop under this name.
 * @throws HansaError AlreadyRunning, PortTaken, ComponentEnded, and those of `ensureBinaries`; or the signal's reason
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { name, progress = silentProgress, signal = new AbortController().signal } = options;
  const parent = options.dir ?? sandboxesDirFor();
  const dir = sandboxDirFor(name, parent);
  // Told before minutes may go into getting programs; decided once more under the lock.
  const kept = mayStart(dir).found.state;
  const binaries =
    options.binaries ??
    (await ensureBinaries({
      kubernetesVersion: options.kubernetesVersion ?? kept?.kubernetesVersion,
      only: componentsFor(partsOf(options)),
      progress,
      signal,
    }));

  using _lock = await lockSandbox(parent, name, signal);
  const { found, decision } = mayStart(dir);
  if (decision.sweepFirst && found.state) await sweep(dir, found.state, { keep: decision.data === 'kept' });
  const before = decision.data === 'kept' ? found.state : undefined;
  if (!before) assertEmpty(dir);
  const state = await recordStart(dir, options, binaries, before);
  // Awaited here: the lock ends with this function.
  return await carryOutStart(parent, state, options, { signal, progress });
}

function mayStart(dir: string): { found: Found; decision: Extract<StartDecision, { kind: 'start' }> } {
  const found = findSandbox(dir);
  const decision = decideStart(found);
  if (decision.kind === 'start') return { found, decision };
  throw new HansaError(decision.because, { reason: 'AlreadyRunning', retry: 'never' });
}

interface AllParts {
  readonly parts: Parts;
  readonly hostParts: Parts;
}

function partsOf({
  parts = 'api',
  hostParts = parts === 'full' ? 'controllers' : 'api',
}: SandboxOptions): AllParts {
  return { parts, hostParts };
}

/** What has to be there; a sandbox of API servers needs no scheduler to be built first. */
function componentsFor({ parts, hostParts }: AllParts): Component[] {
  return components.filter((component) => {
    if (component === 'kube-controller-manager') return parts !== 'api' || hostParts !== 'api';
    if (component === 'kube-scheduler' || component === 'kwok')
      return parts === 'full' || hostParts === 'full';
    return true;
  });
}

/** Data is removed with its directory later, so a directory with somebody's files in it is not taken. */
function assertEmpty(dir: string): void {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new HansaError(`${dir} is there already and is no sandbox: remove it or choose another name`, {
      reason: 'DirectoryTaken',
      retry: 'never',
    });
  }
}

/** An older API server may not be able to read what a newer one stored. */
function assertNotOlder(before: string, now: string): void {
  if (compareVersions(now, before) >= 0) return;
  throw new HansaError(
    `the kept data is from Kubernetes ${before}, and ${now} may not be able to read it: ` +
      'ask for that version or a newer one, or remove the data with "hansa sandbox down"',
    { reason: 'OlderVersion', retry: 'never' },
  );
}

async function recordStart(
  dir: string,
  options: SandboxOptions,
  binaries: BinarySet,
  before: SandboxState | undefined,
): Promise<SandboxState> {
  if (before) assertNotOlder(before.kubernetesVersion, binaries.kubernetesVersion);
  let next = options.basePort;
  const controlPlanes = await planSeats(
    {
      members: options.members,
      ...partsOf(options),
      nodesPerMember: options.nodesPerMember ?? defaultNodes,
    },
    next === undefined ? (before?.controlPlanes ?? []) : [],
    async () => (next === undefined ? findFreePort() : next++),
  );
  const owner = identityOf(process.pid);
  if (!owner)
    throw new HansaError('this system does not tell when a process started', {
      reason: 'Unsupported',
      retry: 'never',
    });
  const state: SandboxState = {
    format: 1,
    name: options.name,
    mark: before?.mark ?? randomUUID(),
    phase: 'starting',
    detached: options.detached ?? false,
    keep: options.keep ?? before?.keep ?? false,
    owner,
    startedAt: new Date().toISOString(),
    kubernetesVersion: binaries.kubernetesVersion,
    podReadyDelayMs: options.podReadyDelayMs ?? 0,
    binaries: pathsOf(binaries),
    controlPlanes,
    processes: [],
  };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeState(dir, state);
  return state;
}

async function carryOutStart(
  parent: string,
  state: SandboxState,
  { basePort }: SandboxOptions,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<Sandbox> {
  const dir = sandboxDirFor(state.name, parent);
  const guarded = guardUntilReleased(dir, state);
  const ground: Ground = { ...groundOf(dir, state), onStarted: guarded.onStarted };
  const endAll = async () => {
    const now = readState(dir);
    // Somebody may have ended this sandbox and started another one under its name.
    if (now && isSameRun(now, state)) await sweep(dir, now, { keep: now.keep });
    guarded.release();
  };

  try {
    const controlPlanes = await startAll(ground, state.controlPlanes, {
      signal,
      progress,
      fixedPorts: basePort !== undefined,
    });
    writeMergedKubeconfig(dir, state.controlPlanes);
    updateState(dir, (now) => ({ ...now, phase: 'up' }));
    if (state.detached) guarded.release();
    return sandboxHandle(ground, state, {
      controlPlanes,
      down: async () => {
        using _lock = await lockSandbox(parent, state.name);
        await endAll();
      },
    });
  } catch (error) {
    await endAll();
    throw error;
  }
}

interface Guarded {
  readonly onStarted: (identity: ProcessIdentity) => void;
  readonly release: () => void;
}

/** Ties the processes to our own life: by an exit hook for an orderly end, by a watchdog for a kill. */
function guardUntilReleased(dir: string, state: SandboxState): Guarded {
  const watchdog = startWatchdog();
  const sweepOnExit = () => sweepNow(dir, state);
  process.once('exit', sweepOnExit);
  return {
    onStarted: (identity) => watchdog.guard(identity),
    release: () => {
      watchdog[Symbol.dispose]();
      process.off('exit', sweepOnExit);
      for (const { apiPort, etcdPort } of state.controlPlanes) {
        releasePort(apiPort);
        releasePort(etcdPort);
      }
    },
  };
}

async function startAll(
  ground: Ground,
  seats: readonly ControlPlaneState[],
  { signal, progress, fixedPorts }: { signal: AbortSignal; progress: Progress; fixedPorts: boolean },
): Promise<ControlPlane[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const outcomes = await Promise.allSettled(
    seats.map(async (seat) => {
      const step = progress.step(`control plane ${seat.name}`);
      try {
        const controlPlane = await startControlPlane(ground, seat, {
          signal: either,
          fixedPorts,
          onProgress: (detail) => step.update(detail),
        });
        step.done(controlPlane.server);
        return controlPlane;
      } catch (error) {
        step.fail(either.aborted ? 'given up' : messageOf(error));
        // One that can't start makes the others pointless; the first error is the one to tell.
        failed.abort(error);
        throw error;
      }
    }),
  );
  either.throwIfAborted();
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
