/** Where a gate stands: `revision/wave/step/cluster/name`, `-` for the step of a wave's own gate, `*` for no single cluster. */
export function gateKey(place: {
  readonly revision: string;
  readonly wave: string;
  readonly step: string | undefined;
  readonly member: string | undefined;
  readonly name: string;
}): string {
  return [place.revision, place.wave, place.step ?? '-', place.member ?? '*', place.name].join('/');
}

/** What a promotion names to let the pause of a step go on in one wave. */
export function pauseKey(wave: string, step: string): string {
  return `${wave}/${step}`;
}

/** Lets go of everything that is left: pauses, approvals, gates and soaks. Readiness is still waited for. */
export const promoteAll = 'full';
