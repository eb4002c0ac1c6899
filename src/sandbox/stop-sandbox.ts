import { HansaError } from '../base/index.ts';
import { lockSandbox } from './lock-sandbox.ts';
import { sandboxDirFor, sandboxesDirFor } from './places.ts';
import { groundOf, openControlPlanes, type Sandbox, sandboxHandle } from './sandbox.ts';
import { findSandbox, sweep } from './sweep.ts';

export interface Whereabouts {
  /** Where sandboxes live; default as for `startSandbox`. */
  readonly dir?: string;
}

/**
 * A handle on a sandbox that another process has started.
 * @throws HansaError SandboxNotFound, NotReady
 */
export function openSandbox(name: string, { dir: parent = sandboxesDirFor() }: Whereabouts = {}): Sandbox {
  const dir = sandboxDirFor(name, parent);
  const { state } = findSandbox(dir);
  if (!state || state.phase === 'kept') throw notFound(name);
  if (state.phase !== 'up') {
    throw new HansaError(`sandbox "${name}" is being started or stopped: wait until that has finished`, {
      reason: 'NotReady',
    });
  }
  const ground = groundOf(dir, state);
  return sandboxHandle(ground, state, {
    controlPlanes: openControlPlanes(ground, state),
    down: () => stopSandbox(name, { dir: parent }),
  });
}

export interface StopOptions extends Whereabouts {
  /** Keep or remove the data; absent = as it was started. */
  readonly keep?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Ends a sandbox, whoever started it and whether it runs, crashed or is kept: exactly the processes that it recorded,
 * told by pid and start time.
 * @throws HansaError SandboxNotFound, Locked
 */
export async function stopSandbox(
  name: string,
  { dir: parent = sandboxesDirFor(), keep, signal }: StopOptions = {},
): Promise<void> {
  const dir = sandboxDirFor(name, parent);
  if (!findSandbox(dir).state) throw notFound(name);
  using _lock = await lockSandbox(parent, name, signal);
  const { state } = findSandbox(dir);
  // Gone while we waited for the lock: then it is what was asked for.
  if (!state) return;
  // Kept data that is taken down again is what the user wants to be rid of.
  await sweep(dir, state, { keep: keep ?? (state.phase === 'kept' ? false : state.keep) });
}

function notFound(name: string): HansaError {
  return new HansaError(
    `no sandbox "${name}" runs: "hansa sandbox status" lists them, "hansa sandbox up" starts one`,
    {
      reason: 'SandboxNotFound',
      retry: 'never',
    },
  );
}
