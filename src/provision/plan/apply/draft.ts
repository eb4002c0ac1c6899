import type { Refusal, Step } from '../steps.ts';

export type DraftStep = Pick<Step, 'kind' | 'title' | 'reason'> &
  Partial<Omit<Step, 'id' | 'needs'>> & {
    /** undefined among them: that step isn't in the plan, so there is nothing to wait for. */
    readonly needs?: readonly (string | undefined)[];
    /** Tells steps of one kind apart where a machine, or the cluster, has several. */
    readonly suffix?: string;
  };

/** A plan that is being written. */
export class Draft {
  readonly #steps: Step[] = [];

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Gives the id of the step. */
  add({ needs = [], suffix, machine, ...step }: DraftStep): string {
    const id = `${machine ?? 'cluster'}/${step.kind}${suffix === undefined ? '' : `-${suffix}`}`;
    this.#steps.push({
      inputs: {},
      exclusive: undefined,
      isPointOfNoReturn: false,
      isDestructive: false,
      ...step,
      id,
      machine,
      needs: [...new Set(needs.filter((need) => need !== undefined))],
    });
    return id;
  }

  has(machine: string): boolean {
    return this.#steps.some((step) => step.machine === machine);
  }
}

export function refuse(
  reason: string,
  message: string,
  { machine, field }: { readonly machine?: string | undefined; readonly field?: string } = {},
): Refusal {
  return { reason, message, machine, field };
}
