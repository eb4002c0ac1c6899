import type { RolloutSpec, RolloutStatus } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { pauseKey } from '../../rollout/plan/steps/index.ts';
import { gateOf, gatePlace } from './gate-place.ts';
import type { RolloutObject } from './rollout-object.ts';
import { isPromoted } from './promotions.ts';
import { waveOfPause } from './waits.ts';

/** Something that a person may let go on. */
export interface Promotable {
  /** What the promotion names. */
  readonly key: string;
  /** For the person: which gate or pause, where. */
  readonly title: string;
  readonly kind:
    | 'approval'
    /** It would go on by itself after a time. */
    | 'pause'
    /** It said no, or nothing too often: the rollout has stopped, or a cluster has failed, because of it. */
    | 'failed-gate'
    /** It is being asked, and may pass by itself. */
    | 'open-gate';
}

/** What holds the rollout up at the place where it is, the gates first: a pause is over only after them. */
export function promotables({ spec, status }: RolloutObject): readonly Promotable[] {
  return [...gates(spec, status), ...pauses(spec, status)];
}

function gates(spec: RolloutSpec, status: RolloutStatus | undefined): readonly Promotable[] {
  return (status?.gates ?? []).flatMap(({ key, phase }): readonly Promotable[] => {
    const place = gatePlace(key);
    if (phase === 'Passed' || place.revision !== status?.revision || isPromoted(spec, place.revision, key))
      return [];
    const where = place.member ?? (place.wave === undefined ? undefined : `wave ${place.wave}`);
    const title = `gate ${place.name}${where ? ` of ${where}` : ''}`;
    if (phase === 'Failed' || phase === 'Inconclusive') return [{ key, title, kind: 'failed-gate' }];
    return [{ key, title, kind: gateOf(spec, place)?.approval ? 'approval' : 'open-gate' }];
  });
}

/** The pause of the step under way, once a cluster has reached it. */
function pauses(spec: RolloutSpec, status: RolloutStatus | undefined): readonly Promotable[] {
  const { revision, step, wave, clusters = [] } = status ?? {};
  const planned = step === undefined ? undefined : spec.steps?.[step];
  if (revision === undefined || wave === undefined || !planned?.pause) return [];
  const key = pauseKey(wave, planned.name);
  const isReached = clusters.some(
    (cluster) =>
      (cluster.phase === 'StepReached' || cluster.phase === 'Done') &&
      cluster.step === step &&
      waveOfPause(cluster, spec) === wave,
  );
  if (!isReached || isPromoted(spec, revision, key)) return [];
  const title = `the pause of step ${planned.name} in ${spec.progress === 'Lockstep' ? 'all clusters' : `wave ${wave}`}`;
  return [{ key, title, kind: planned.pause.approval ? 'approval' : 'pause' }];
}
