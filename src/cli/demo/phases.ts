import type { Clock } from '../../base/index.ts';

/** The parts of the demo, in their order; the controller and the joins run side by side. */
export type Phase =
  | 'programs'
  | 'controlPlanes'
  | 'install'
  | 'controller'
  | 'join'
  | 'apply'
  | 'pods'
  | 'rollout';

/** How long each part took. */
export interface Stopwatch {
  readonly tookMs: Readonly<Partial<Record<Phase, number>>>;
  time<T>(phase: Phase, work: () => Promise<T>): Promise<T>;
  /** Since the start of the demo. */
  elapsedMs(): number;
}

export function startStopwatch(clock: Clock): Stopwatch {
  const startedMs = clock.monotonic();
  const tookMs: Partial<Record<Phase, number>> = {};
  return {
    tookMs,
    elapsedMs: () => Math.round(clock.monotonic() - startedMs),
    time: async (phase, work) => {
      const fromMs = clock.monotonic();
      try {
        return await work();
      } finally {
        tookMs[phase] = Math.round(clock.monotonic() - fromMs);
      }
    },
  };
}
