import { durationMs } from '../../api/rollout.hansa.dev/v1alpha1/duration.ts';
import type {
  RolloutClusterStatus,
  RolloutSpec,
  RolloutStatus,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { pauseKey } from '../../rollout/plan/steps/index.ts';
import { isPromoted } from './promotions.ts';

type WaveStatus = NonNullable<RolloutStatus['waves']>[number];

/** What the step of a cluster still waits for. */
export type StepWait = { readonly kind: 'pause'; readonly leftMs: number } | { readonly kind: 'approval' };

/** Clusters that go together count a pause from when the last of them was there. */
export function stepWait(
  cluster: RolloutClusterStatus,
  spec: RolloutSpec,
  status: RolloutStatus,
  nowMs: number,
): StepWait | undefined {
  if (cluster.phase !== 'StepReached' || cluster.step === undefined) return undefined;
  const step = spec.steps?.[cluster.step];
  const wave = waveOfPause(cluster, spec);
  if (!step?.pause || wave === undefined) return undefined;
  if (isPromoted(spec, status.revision, pauseKey(wave, step.name))) return undefined;
  const together = (status.clusters ?? []).filter(
    (each) => each.phase === 'StepReached' && each.step === cluster.step && waveOfPause(each, spec) === wave,
  );
  const reachedMs = Math.max(...together.map(({ reachedAt }) => Date.parse(reachedAt ?? '') || 0));
  const leftMs = leftOf(step.pause.duration, reachedMs, nowMs);
  if (leftMs !== undefined) return { kind: 'pause', leftMs };
  return step.pause.approval ? { kind: 'approval' } : undefined;
}

export function soakLeftMs(wave: WaveStatus, spec: RolloutSpec, nowMs: number): number | undefined {
  if (wave.phase !== 'Soaking') return undefined;
  const soak = spec.waves?.find(({ name }) => name === wave.name)?.soak;
  return leftOf(soak, Date.parse(wave.reachedAt ?? '') || 0, nowMs);
}

/** In lockstep, all clusters pause together, whatever their wave. */
export function waveOfPause({ wave }: RolloutClusterStatus, { progress }: RolloutSpec): string | undefined {
  return progress === 'Lockstep' ? 'all' : wave;
}

function leftOf(duration: string | undefined, sinceMs: number, nowMs: number): number | undefined {
  if (duration === undefined || sinceMs === 0) return undefined;
  const left = sinceMs + durationMs(duration, 0) - nowMs;
  return left > 0 ? left : undefined;
}
