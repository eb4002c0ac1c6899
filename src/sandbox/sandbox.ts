import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HansaError } from '../base/index.ts';
import { type ControlPlane, openControlPlane } from './control-plane.ts';
import { hostName } from './member-spec.ts';
import { isRunning } from './process-identity.ts';
import type { Ground } from './run-component.ts';
import { isSameRun, readState, type SandboxState } from './state.ts';

/** How a sandbox came to its end without `down()` of this handle. */
export type SandboxEnd =
  | { readonly kind: 'taken-down' }
  | { readonly kind: 'process-ended'; readonly component: string; readonly controlPlane: string };

/** A host and its members on this machine. `await using` ends it. */
export interface Sandbox extends AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  readonly kubernetesVersion: string;
  readonly host: ControlPlane;
  readonly members: readonly ControlPlane[];
  /** One file with a context for the host and for each member, under their names. */
  readonly kubeconfigPath: string;
  /** A kubectl of the same version; absent if it is not there. */
  readonly kubectlPath?: string;
  /** Resolves when the sandbox has ended by other hands than this handle's: somebody's `down`, or a crash in it. */
  watchForEnd(signal: AbortSignal): Promise<SandboxEnd>;
  /** Ends everything; keeps the data if the sandbox was started with `keep`. Can be called twice. */
  down(): Promise<void>;
}

const watchIntervalMs = 1_000;

export function mergedKubeconfigPath(dir: string): string {
  return join(dir, 'kubeconfig');
}

export function groundOf(dir: string, state: SandboxState): Ground {
  const { mark, binaries, podReadyDelayMs } = state;
  return { dir, mark, binaries, podReadyDelayMs, leaving: new Set() };
}

/** A handle on what is recorded. `down` is given, since who started it has more to tidy than who only found it. */
export function sandboxHandle(
  ground: Ground,
  state: SandboxState,
  { controlPlanes, down }: { controlPlanes: readonly ControlPlane[]; down: () => Promise<void> },
): Sandbox {
  const host = controlPlanes.find(({ name }) => name === hostName);
  if (!host)
    throw new HansaError(`sandbox ${state.name} has no host`, { reason: 'StateUnreadable', retry: 'never' });
  let ending: Promise<void> | undefined;
  const downOnce = (): Promise<void> => {
    ending ??= down();
    return ending;
  };
  return {
    name: state.name,
    dir: ground.dir,
    kubernetesVersion: state.kubernetesVersion,
    host,
    members: controlPlanes.filter((each) => each !== host),
    kubeconfigPath: mergedKubeconfigPath(ground.dir),
    ...(state.binaries.kubectl ? { kubectlPath: state.binaries.kubectl } : {}),
    watchForEnd: (signal) => watchForEnd(ground, state, signal),
    down: downOnce,
    [Symbol.asyncDispose]: downOnce,
  };
}

export function openControlPlanes(ground: Ground, state: SandboxState): ControlPlane[] {
  return state.controlPlanes.map((seat) => openControlPlane(ground, seat));
}

async function watchForEnd(ground: Ground, run: SandboxState, signal: AbortSignal): Promise<SandboxEnd> {
  const readUp = () => {
    const state = readState(ground.dir);
    return state && isSameRun(state, run) && state.phase === 'up' ? state : undefined;
  };
  for (;;) {
    await sleep(watchIntervalMs, undefined, { signal });
    const ended = readUp()?.processes.find((record) => !ground.leaving.has(record.pid) && !isRunning(record));
    // `down` says so before it ends anything, so this second look tells it from a crash.
    if (!readUp()) return { kind: 'taken-down' };
    if (ended) return { kind: 'process-ended', component: ended.component, controlPlane: ended.controlPlane };
  }
}
