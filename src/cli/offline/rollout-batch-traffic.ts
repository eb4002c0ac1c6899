import type { JsonObject } from '../../base/index.ts';
import {
  exactTargetPods,
  floatTargetPods,
  productionService,
  shiftTraffic,
  type TrafficPod,
} from '../../rollout/plan/shipper/index.ts';
import { CaseProblem, count, countOrNone, mapsAt, mapValues, text, textOrNone } from './case-fields.ts';
import type { RolloutOps } from './rollout-batch-ops.ts';

export const trafficOps: RolloutOps = {
  targetPods: (input) => {
    const share = {
      releasePods: count(input['releasePods'], 'input.releasePods'),
      weight: count(input['weight'], 'input.weight'),
      totalPods: count(input['totalPods'], 'input.totalPods'),
      totalWeight: count(input['totalWeight'], 'input.totalWeight'),
    };
    return { targetPods: floatTargetPods(share), exactCeil: exactTargetPods(share) };
  },

  shift: (input) => {
    const releases = mapsAt(input['releases'], 'input.releases', readRelease);
    const strangers = podsNamed('stranger', countOrNone(input['unmanagedPods'], 'input.unmanagedPods') ?? 0, {
      release: undefined,
      label: undefined,
      isReady: false,
    });
    const shifts = shiftTraffic(releases, [...releases.flatMap(({ pods }) => pods), ...strangers]);
    return {
      releases: shifts.map((shift) => ({
        targetPods: shift.targetPods,
        ready: shift.isReady,
        achievedWeight: shift.achievedWeight,
        podsReady: shift.podsReady,
        podsLabeled: shift.podsLabeled,
        toEnable: shift.toEnable.length,
        toDisable: shift.toDisable.length,
      })),
    };
  },

  productionService: (input) => {
    const services = mapsAt(input['services'], 'input.services', (fields, field) => ({
      name: text(fields['name'], `${field}.name`),
      labels: labelsOf(textOrNone(fields['lb'], `${field}.lb`)),
      selector: mapValues(fields['selector'], `${field}.selector`, text),
    }));
    const found = productionService(services, {
      application: '<application>',
      release: '<release>',
      workaround: textOrNone(input['workaroundLabel'], 'input.workaroundLabel'),
    });
    return found.kind === 'found'
      ? { ok: true, production: found.name }
      : { ok: false, error: 'InvalidChart' };
  },
};

/** Pods of one release: those with the label for traffic are ready, unless the case says how many are not. */
function readRelease(fields: JsonObject, field: string) {
  const release = field;
  const enabled = count(fields['podsEnabled'], `${field}.podsEnabled`);
  const notReady = countOrNone(fields['podsNotReady'], `${field}.podsNotReady`) ?? 0;
  const ready = countOrNone(fields['podsReady'], `${field}.podsReady`) ?? Math.max(0, enabled - notReady);
  if (ready > enabled) {
    throw new CaseProblem(`${field}.podsReady`, 'must not be more than podsEnabled: others get no traffic');
  }
  const disabled = count(fields['podsDisabled'], `${field}.podsDisabled`);
  const pods = [
    ...podsNamed('enabled', ready, { release, label: 'enabled', isReady: true }),
    ...podsNamed('starting', enabled - ready, { release, label: 'enabled', isReady: false }),
    ...podsNamed('disabled', disabled, { release, label: 'disabled', isReady: false }),
  ];
  return { release, weight: count(fields['weight'], `${field}.weight`), pods };
}

/** More would fill the memory before they told anything. */
const podLimit = 100_000;

function podsNamed(name: string, pods: number, pod: Omit<TrafficPod, 'name'>): readonly TrafficPod[] {
  if (pods > podLimit) throw new CaseProblem('input', `must not have more than ${podLimit} pods of a sort`);
  return Array.from({ length: pods }, (_, index) => ({ ...pod, name: `${name}-${index}` }));
}

function labelsOf(lb: string | undefined): Readonly<Record<string, string>> {
  return lb === undefined ? {} : { 'shipper-lb': lb };
}
