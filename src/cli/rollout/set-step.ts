import { titleOf, type Verb } from './verb.ts';

/** Sends all clusters to one step, by number from 0 or by name; `end` lets it go on to the last. */
export function setStep(wanted: string): Verb {
  return (rollout) => {
    const title = titleOf(rollout);
    const { spec, status } = rollout;
    const current = spec.command?.targetStep;
    const names = spec.steps?.map(({ name }) => name) ?? [];
    if (wanted === 'end' && !names.includes('end')) {
      if (current === undefined)
        return { kind: 'already', told: `${title} goes on to its last step already.` };
      return { kind: 'change', command: { targetStep: null }, told: `${title} goes on to its last step.` };
    }
    const count = Math.max(1, names.length);
    const step = /^\d+$/.test(wanted) ? Number(wanted) : names.indexOf(wanted);
    if (step < 0 || step >= count) {
      const known = names.length > 0 ? names.map((name, index) => `${index} (${name})`).join(', ') : '0';
      return { kind: 'refused', because: `${title} has no step "${wanted}": choose from ${known}, or "end"` };
    }
    const named = names[step] === undefined ? `step ${step}` : `step ${step} (${names[step]})`;
    if (current === step) return { kind: 'already', told: `${title} goes to ${named} already.` };
    const isBack = status?.step !== undefined && step < status.step;
    return {
      kind: 'change',
      command: { targetStep: step },
      told: `${title} goes ${isBack ? 'back ' : ''}to ${named} and stays there until it is told otherwise.`,
    };
  };
}
