import { HansaError } from '../../base/index.ts';
import type { Machine, StepContext } from '../engine/executor.ts';
import type { Step } from '../plan/steps.ts';

/** The machine a step is about. */
export function machineOf(context: StepContext, step: Step): Machine {
  if (step.machine !== undefined) return context.machine(step.machine);
  throw new HansaError(`the step ${step.id} names no machine: the plan is wrong`, {
    reason: 'PlanInvalid',
    retry: 'never',
  });
}

/** A control plane to give commands to: another than this machine where there is one, for it may go away meanwhile. */
export async function commandPost(context: StepContext, machine: string): Promise<Machine> {
  try {
    return await context.healthyControlPlane([machine]);
  } catch (error) {
    if (error instanceof HansaError && error.reason === 'NoControlPlane')
      return context.healthyControlPlane();
    throw error;
  }
}

/** Text of a step's input. */
export function textInput({ id, inputs }: Step, name: string): string {
  const value = inputs[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new HansaError(`the step ${id} lacks its input "${name}": the plan is wrong`, {
    reason: 'PlanInvalid',
    retry: 'never',
  });
}

/** List of texts among a step's inputs; empty if it isn't there. */
export function textsInput({ inputs }: Step, name: string): readonly string[] {
  const value = inputs[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
