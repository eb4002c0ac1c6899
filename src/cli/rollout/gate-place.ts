import type { Gate } from '../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';

/** Where a gate stands, read from its key `revision/wave/step/cluster/name`. */
export interface GatePlace {
  readonly revision: string;
  readonly wave: string | undefined;
  /** Absent for gates of a wave. */
  readonly step: string | undefined;
  /** Absent for gates that are asked once for several clusters. */
  readonly member: string | undefined;
  readonly name: string;
}

export function gatePlace(key: string): GatePlace {
  const [revision = '', wave = '', step = '', member = '', ...name] = key.split('/');
  const given = (part: string) => (part === '' || part === '-' || part === '*' ? undefined : part);
  return { revision, wave: given(wave), step: given(step), member: given(member), name: name.join('/') };
}

/** The gate itself, for its counts and its kind. */
export function gateOf({ steps = [], waves = [] }: RolloutSpec, place: GatePlace): Gate | undefined {
  const step = steps.find(({ name }, index) => place.step === name || place.step === String(index));
  const wave = waves.find(({ name }) => name === place.wave);
  const gates = place.step === undefined ? wave?.gates : step?.gates;
  return gates?.find(({ name }) => name === place.name);
}
