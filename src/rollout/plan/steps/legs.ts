import type { PlannedStep, PlannedWave, RolloutPlan } from './types.ts';

/** One stretch of the way: so many clusters go to one step together. */
export interface Leg {
  readonly wave: PlannedWave;
  readonly members: readonly string[];
  readonly step: number;
  readonly planned: PlannedStep;
  /** The wave is through with it (with the step, in StepMajor): soak and the gates of the wave come after it. */
  readonly endsWave: boolean;
}

/** The whole way, leg by leg. Clusters of one leg move together; the next leg starts when all of them are through. */
export function legsOf(plan: RolloutPlan): readonly Leg[] {
  switch (plan.progress) {
    case 'WaveMajor':
      return plan.waves.flatMap((wave) => {
        const batches = batchesOf(wave);
        return batches.flatMap((members, batch) =>
          plan.steps.map((planned, step) => ({
            wave,
            members,
            step,
            planned,
            endsWave: batch === batches.length - 1 && step === plan.steps.length - 1,
          })),
        );
      });
    case 'StepMajor':
      return plan.steps.flatMap((planned, step) =>
        plan.waves.flatMap((wave) => {
          const batches = batchesOf(wave);
          return batches.map((members, batch) => ({
            wave,
            members,
            step,
            planned,
            endsWave: batch === batches.length - 1,
          }));
        }),
      );
    case 'Lockstep': {
      const members = plan.waves.flatMap((wave) => wave.members);
      const wave: PlannedWave = { name: 'all', members, maxConcurrent: members.length, soakMs: 0, gates: [] };
      return plan.steps.map((planned, step) => ({
        wave,
        members,
        step,
        planned,
        endsWave: step === plan.steps.length - 1,
      }));
    }
  }
}

/** A wave in parts of so many clusters as may be under way at once. */
function batchesOf({ members, maxConcurrent }: PlannedWave): readonly (readonly string[])[] {
  const batches: (readonly string[])[] = [];
  for (let at = 0; at < members.length; at += maxConcurrent) {
    batches.push(members.slice(at, at + maxConcurrent));
  }
  return batches;
}
