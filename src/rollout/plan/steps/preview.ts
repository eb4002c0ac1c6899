import type { Leg } from './legs.ts';
import { legsOf } from './legs.ts';
import { shareOf } from './share.ts';
import type { RolloutPlan } from './types.ts';

/** One cluster at the end of one leg. */
export interface PreviewRow {
  readonly wave: string;
  readonly step: string;
  readonly cluster: string;
  /** Replicas of each revision once the step is reached. */
  readonly contender: number;
  readonly incumbent: number;
  /** Shares of traffic in percent; undefined where it goes as the pods do. */
  readonly traffic: { readonly contender: number; readonly incumbent: number } | undefined;
  /** Pods beyond the whole workload while the step is under way, when what rises is up and what falls is not yet gone. */
  readonly extraPods: number;
  /** What it waits for before the next step, in words. */
  readonly waits: readonly string[];
}

/** Every wave, step and cluster of a plan, in the order in which they come, before anything happens. */
export function previewOf(
  plan: RolloutPlan,
  replicas: (cluster: string) => number,
): { readonly rows: readonly PreviewRow[]; readonly mostExtraPods: number } {
  const rows: PreviewRow[] = [];
  const before = new Map<string, { contender: number; incumbent: number }>();
  let mostExtraPods = 0;
  for (const leg of legsOf(plan)) {
    let extraInLeg = 0;
    for (const cluster of leg.members) {
      const total = replicas(cluster);
      const had = before.get(cluster) ?? { contender: 0, incumbent: total };
      const has = {
        contender: shareOf(total, leg.planned.capacity.contender),
        incumbent: shareOf(total, leg.planned.capacity.incumbent),
      };
      // Raise before lower: both at their higher number for a while. A gated workload has its own maxSurge instead.
      const peak = Math.max(had.contender, has.contender) + Math.max(had.incumbent, has.incumbent);
      const extraPods = plan.mode === 'SideBySide' ? Math.max(0, peak - total) : 0;
      extraInLeg += extraPods;
      before.set(cluster, has);
      rows.push({
        wave: leg.wave.name,
        step: leg.planned.name,
        cluster,
        ...has,
        traffic: leg.planned.traffic,
        extraPods,
        waits: waitsOf(leg, cluster),
      });
    }
    mostExtraPods = Math.max(mostExtraPods, extraInLeg);
  }
  return { rows, mostExtraPods };
}

/** Told with the last cluster of the leg: the others wait for it. */
function waitsOf({ planned, wave, members, endsWave }: Leg, cluster: string): readonly string[] {
  if (cluster !== members.at(-1)) return [];
  const { pause, gates } = planned;
  return [
    ...gates.map(({ name }) => `gate ${name}`),
    ...(pause && pause.durationMs > 0 ? [`pause ${secondsText(pause.durationMs)}`] : []),
    ...(pause?.approval ? ['approval'] : []),
    ...(endsWave && wave.soakMs > 0 ? [`soak ${secondsText(wave.soakMs)}`] : []),
    ...(endsWave ? wave.gates.map(({ name }) => `gate ${name} of the wave`) : []),
  ];
}

function secondsText(ms: number): string {
  const units = [
    { ms: 3_600_000, name: 'h' },
    { ms: 60_000, name: 'm' },
    { ms: 1_000, name: 's' },
  ];
  let left = ms;
  let text = '';
  for (const unit of units) {
    const count = Math.floor(left / unit.ms);
    if (count > 0) text += `${count}${unit.name}`;
    left -= count * unit.ms;
  }
  return text === '' ? `${ms}ms` : text;
}
