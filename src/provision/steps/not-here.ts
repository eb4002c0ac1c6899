import type { Executor } from '../engine/executor.ts';

/** A step that this home of the engine can't do: it says so, and nothing that doesn't need it waits. */
export function notHere(what: string): Executor {
  return {
    observe: () =>
      Promise.resolve({
        kind: 'blocked',
        reason: 'NoHost',
        message: `${what} needs the host of the federation, and none was named: say --host-kubeconfig or --host-context`,
      }),
    apply: () => Promise.resolve(),
    verify: () => Promise.resolve(),
  };
}
