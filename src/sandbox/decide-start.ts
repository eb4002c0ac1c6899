import type { ProcessIdentity } from './process-identity.ts';
import type { ProcessRecord, SandboxState } from './state.ts';

/** What was found under a sandbox's name. */
export interface Found {
  readonly state: SandboxState | undefined;
  readonly ownerRuns: boolean;
  /** Recorded processes that run; others with the same number don't count. */
  readonly running: readonly ProcessRecord[];
}

/** How a sandbox stands, for `status` and for the next `up`. */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'busy'; readonly ownerPid: number }
  | { readonly kind: 'up' }
  | { readonly kind: 'degraded'; readonly ended: readonly ProcessRecord[] }
  | { readonly kind: 'crashed' }
  | { readonly kind: 'kept' };

/** Tells running sandboxes from the remains of a crash. */
export function standingOf({ state, ownerRuns, running }: Found): Standing {
  if (!state) return { kind: 'absent' };
  if (state.phase === 'kept') return { kind: 'kept' };
  // An attached sandbox ends with its owner, so whatever of it is left when the owner is gone is a remnant.
  const isOwned = ownerRuns || (state.detached && state.phase === 'up');
  if (!isOwned) return { kind: 'crashed' };
  if (state.phase !== 'up') return { kind: 'busy', ownerPid: state.owner.pid };
  const ended = state.processes.filter((record) => !running.includes(record));
  if (ended.length === 0) return { kind: 'up' };
  // Nothing runs any more: the machine was restarted.
  return running.length === 0 ? { kind: 'crashed' } : { kind: 'degraded', ended };
}

export type StartDecision =
  | { readonly kind: 'start'; readonly sweepFirst: boolean; readonly data: 'new' | 'kept' }
  | { readonly kind: 'refuse'; readonly because: string };

/** Whether `up` may start under this name, and what it does with what is there. */
export function decideStart(found: Found): StartDecision {
  const standing = standingOf(found);
  const name = found.state?.name ?? '';
  switch (standing.kind) {
    case 'absent':
      return { kind: 'start', sweepFirst: false, data: 'new' };
    case 'kept':
      return { kind: 'start', sweepFirst: false, data: 'kept' };
    case 'crashed':
      return { kind: 'start', sweepFirst: true, data: found.state?.keep ? 'kept' : 'new' };
    case 'busy':
      return {
        kind: 'refuse',
        because: `process ${standing.ownerPid} is starting or stopping sandbox "${name}": wait until it has finished`,
      };
    case 'up':
      return {
        kind: 'refuse',
        because: `sandbox "${name}" is up already: use it, or end it with "hansa sandbox down ${name}"`,
      };
    case 'degraded': {
      const ended = standing.ended
        .map(({ component, controlPlane }) => `${component} of ${controlPlane}`)
        .join(', ');
      return {
        kind: 'refuse',
        because: `sandbox "${name}" is up, but ${ended} ended: run "hansa sandbox down ${name}" first`,
      };
    }
  }
}

/** The processes to end: recorded ones that are still the same process, and unrecorded ones that carry the mark. */
export function processesToEnd(
  recorded: readonly ProcessIdentity[],
  marked: readonly ProcessIdentity[],
  startOf: (pid: number) => string | undefined,
): ProcessIdentity[] {
  const same = recorded.filter(({ pid, start }) => startOf(pid) === start);
  const unrecorded = marked.filter(({ pid }) => !same.some((each) => each.pid === pid));
  return [...same.map(({ pid, start }) => ({ pid, start })), ...unrecorded];
}
