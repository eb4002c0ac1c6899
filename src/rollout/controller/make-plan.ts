import type { RolloutSpec } from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import type { RolloutMode } from '../mode.ts';
import { buildPlan } from '../plan/steps/index.ts';
import type { RolloutPlan } from '../plan/steps/types.ts';
import type { Modes, RolloutControllerOptions } from './options.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { trouble } from './trouble.ts';

/** @throws Trouble InvalidSpec, with the field */
export function makePlan(
  { name, namespace }: RolloutRecord,
  spec: RolloutSpec,
  members: RolloutControllerOptions['members'],
  known: { readonly targetKind: string | undefined; readonly selected: readonly string[] | undefined },
): RolloutPlan {
  const { targetKind, selected } = known;
  const planned = buildPlan({
    name,
    namespace,
    spec,
    members: members.views(),
    ...(selected ? { selected } : {}),
    ...(targetKind === undefined ? {} : { targetKind }),
  });
  if (planned.ok) return planned.plan;
  throw trouble(
    'InvalidSpec',
    planned.problems.map(({ field, message }) => `${field}: ${message}`).join('; '),
  );
}

/** @throws Trouble InvalidSpec, where this controller has no executor for it */
export function modeOf({ mode }: RolloutPlan, modes: Modes): RolloutMode {
  const found = modes[mode];
  if (found) return found;
  throw trouble('InvalidSpec', `spec.mode: this controller cannot do ${mode}`);
}
