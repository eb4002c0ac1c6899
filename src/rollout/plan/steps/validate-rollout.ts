import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { RolloutSpec } from '../../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { checkGate } from '../gates/index.ts';

export interface SpecProblem {
  readonly field: string;
  readonly message: string;
}

/** What can never work, beyond what the schema refuses; for the CLI, admission and the controller alike. */
export function validateRollout(spec: RolloutSpec, targetKind?: string): readonly SpecProblem[] {
  return [...stepProblems(spec), ...gateProblems(spec), ...modeProblems(spec, targetKind)];
}

function* stepProblems({ steps = [] }: RolloutSpec): Generator<SpecProblem> {
  let before = 0;
  for (const [index, { capacity, traffic }] of steps.entries()) {
    const field = `spec.steps[${index}]`;
    const incumbent = capacity.incumbent ?? 100 - capacity.contender;
    if (capacity.contender < before) {
      yield {
        field: `${field}.capacity.contender`,
        message: `must not be less than the ${before} of the step before: a way back is "hansa rollout set-step" or "abort"`,
      };
    }
    before = Math.max(before, capacity.contender);
    if (capacity.contender + incumbent === 0) {
      yield { field: `${field}.capacity`, message: 'leaves nobody: contender and incumbent are both 0' };
    }
    if (!traffic) continue;
    const incumbentTraffic = traffic.incumbent ?? 100 - traffic.contender;
    if (traffic.contender > 0 && capacity.contender === 0) {
      yield {
        field: `${field}.traffic.contender`,
        message: 'must be 0 while capacity.contender is 0: there is no pod that could serve',
      };
    }
    if (incumbentTraffic > 0 && incumbent === 0) {
      yield {
        field: `${field}.traffic.incumbent`,
        message: 'must be 0 while capacity.incumbent is 0: there is no pod that could serve',
      };
    }
    if (traffic.contender + incumbentTraffic === 0) {
      yield {
        field: `${field}.traffic`,
        message: 'sends traffic to nobody: contender and incumbent are both 0',
      };
    }
  }
}

function* gateProblems({ steps = [], waves = [] }: RolloutSpec): Generator<SpecProblem> {
  const check = function* (
    gates: readonly Gate[],
    at: 'step' | 'wave',
    where: string,
  ): Generator<SpecProblem> {
    for (const [index, gate] of gates.entries()) {
      for (const { field, message } of checkGate(gate, { at })) {
        yield { field: `${where}.gates[${index}]${field ? `.${field}` : ''}`, message };
      }
    }
  };
  for (const [index, { gates = [] }] of steps.entries()) yield* check(gates, 'step', `spec.steps[${index}]`);
  for (const [index, { gates = [] }] of waves.entries()) yield* check(gates, 'wave', `spec.waves[${index}]`);
}

function* modeProblems(spec: RolloutSpec, targetKind?: string): Generator<SpecProblem> {
  const { mode, source, traffic, steps = [] } = spec;
  const kind = targetKind ?? (source.workloadRef ?? source.federatedRef)?.kind.replace(/^Federated/, '');
  if (mode === 'Gated' && kind !== undefined && kind !== 'Deployment' && kind !== 'DaemonSet') {
    yield {
      field: 'spec.mode',
      message: `Gated works for a Deployment or DaemonSet, not for a ${kind}: use InPlace`,
    };
  }
  if (isGated(spec, kind)) {
    for (const [index, { capacity }] of steps.entries()) {
      const sum = capacity.contender + (capacity.incumbent ?? 100 - capacity.contender);
      if (sum !== 100) {
        yield {
          field: `spec.steps[${index}].capacity.incumbent`,
          message: `must be ${100 - capacity.contender} with mode Gated: Kubernetes removes an old pod for each new one, so the two are 100 together`,
        };
      }
    }
  }
  if (traffic?.provider === 'GatewayAPI' && !traffic.httpRoute) {
    yield { field: 'spec.traffic.httpRoute', message: 'must name the HTTPRoute whose weights are set' };
  }
  if (traffic?.provider === 'None' && steps.some((step) => step.traffic)) {
    yield {
      field: 'spec.traffic.provider',
      message: 'None steers nothing, but a step has traffic: leave one of the two out',
    };
  }
}

function isGated({ mode, source }: RolloutSpec, kind: string | undefined): boolean {
  if (mode) return mode === 'Gated';
  return (
    Boolean(source.workloadRef ?? source.federatedRef) && (kind === 'Deployment' || kind === 'DaemonSet')
  );
}
