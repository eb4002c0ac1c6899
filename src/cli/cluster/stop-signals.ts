import { HansaError } from '../../base/index.ts';

export interface StopSignals {
  /** Everything stops now. */
  readonly signal: AbortSignal;
  /** No further step starts; those under way come to their end. */
  readonly stopping: AbortSignal;
  /** Steps begin: from now on the first Ctrl-C lets those under way come to their end, and the second stops all. */
  begin(): void;
}

/** What SIGINT is heard from. */
export interface Interrupts {
  on(event: 'SIGINT', listener: () => void): unknown;
  off(event: 'SIGINT', listener: () => void): unknown;
}

/** While only looking, one Ctrl-C ends the command. A third one always kills the process. */
export function stopSignals(
  tell: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
  interrupts: Interrupts = process,
): StopSignals {
  const now = new AbortController();
  const soon = new AbortController();
  let hasBegun = false;
  const interrupted = (): void => {
    if (hasBegun && !soon.signal.aborted) {
      soon.abort(cancelled());
      tell('Stopping: no new step starts, and those under way come to their end. Ctrl-C again stops now.');
      return;
    }
    interrupts.off('SIGINT', interrupted);
    soon.abort(cancelled());
    now.abort(cancelled());
    if (hasBegun)
      tell('Stopped. What runs on machines goes on there; the same command again attaches to it.');
  };
  interrupts.on('SIGINT', interrupted);
  return {
    signal: now.signal,
    stopping: soon.signal,
    begin: () => {
      hasBegun = true;
    },
  };
}

function cancelled(): HansaError {
  return new HansaError('interrupted', { reason: 'Cancelled', retry: 'never' });
}
