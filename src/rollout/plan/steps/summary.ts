import type { Holdup } from './decide-rollout.ts';
import type { RolloutClusterStatus, RolloutPlan, RolloutStatus } from './types.ts';

/** The whole in a word and in a line. */
export function phaseAndSummary({
  holdup,
  plan,
  clusters,
  revision,
  abortedBecause,
}: {
  readonly holdup: Holdup;
  readonly plan: RolloutPlan;
  readonly clusters: readonly RolloutClusterStatus[];
  readonly revision: string;
  readonly abortedBecause: string | undefined;
}): { readonly phase: NonNullable<RolloutStatus['phase']>; readonly summary: string } {
  const there = clusters.filter(({ phase }) => phase === 'Done').length;
  const place = 'leg' in holdup ? placeOf(holdup.leg, plan) : '';
  switch (holdup.kind) {
    case 'members':
      return {
        phase: 'Progressing',
        summary: `${place}: ${holdup.there} of ${clustersText(holdup.of)} there`,
      };
    case 'gate':
      return { phase: 'Progressing', summary: `${place}: waiting for gate ${holdup.name}` };
    case 'pause':
      return { phase: 'Progressing', summary: `${place}: pause of the step` };
    case 'approval':
      return {
        phase: 'WaitingForApproval',
        summary: `${place}: ${holdup.what} waits for a person: "hansa rollout promote"`,
      };
    case 'soak':
      return { phase: 'Soaking', summary: `${place}: the wave must stay good for a while` };
    case 'target-step':
      return {
        phase: 'Paused',
        summary: `stays at step ${plan.steps[holdup.step]?.name ?? holdup.step}, as command.targetStep says`,
      };
    case 'paused':
      return { phase: 'Paused', summary: 'a person paused it: "hansa rollout resume" lets it go on' };
    case 'blocked':
      return { phase: 'Blocked', summary: holdup.message };
    case 'failed':
      return {
        phase: 'Paused',
        summary: `${holdup.message}; "hansa rollout retry" goes on, "abort" takes it back`,
      };
    case 'reverting':
      return {
        phase: 'Reverting',
        summary: `revision ${revision} is taken back${because(abortedBecause)}: ${clustersText(holdup.left.length)} to go`,
      };
    case 'reverted':
      return holdup.aborted
        ? { phase: 'Aborted', summary: `revision ${revision} was taken back${because(abortedBecause)}` }
        : {
            phase: 'Failed',
            summary: `a wave of revision ${revision} was taken back; earlier waves keep it`,
          };
    case 'done':
      return { phase: 'Completed', summary: `revision ${revision} is in ${clustersText(there)}` };
    case 'idle':
      return {
        phase: 'Idle',
        summary: `nothing to do: revision ${revision} is what every cluster should have`,
      };
  }
}

function because(why: string | undefined): string {
  return why ? ` (${why})` : '';
}

function placeOf(
  {
    wave,
    planned,
    step,
  }: {
    readonly wave: { readonly name: string };
    readonly planned: { readonly name: string; readonly capacity: { readonly contender: number } };
    readonly step: number;
  },
  plan: RolloutPlan,
): string {
  const at = plan.waves.findIndex(({ name }) => name === wave.name);
  const waveText =
    at < 0 || plan.waves.length === 1 ? '' : `wave ${at + 1} of ${plan.waves.length} (${wave.name}), `;
  return `${waveText}step ${step + 1} of ${plan.steps.length} (${planned.name}, ${planned.capacity.contender} %)`;
}

function clustersText(count: number): string {
  return count === 1 ? '1 cluster' : `${count} clusters`;
}
