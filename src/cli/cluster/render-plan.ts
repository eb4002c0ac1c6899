import type { ClusterPlan, PlanRefusal, PlanStep } from '../../provision/index.ts';
import { renderTable } from '../table.ts';

/** A plan as a person reads it: what is refused first, then each step with its reason. */
export function renderPlan(cluster: string, { steps, refusals, warnings }: ClusterPlan): string {
  const parts = [
    ...refusals.map((refusal) => `✗ ${refusalText(refusal)}`),
    ...warnings.map((warning) => `! ${refusalText(warning)}`),
  ];
  if (refusals.length > 0) {
    parts.push('', `Nothing may be changed in cluster ${cluster} until ${wayOut(refusals.length)}.`);
    return parts.join('\n');
  }
  if (steps.length === 0) {
    parts.push(`Cluster ${cluster} is as it should be: nothing to do.`);
    return parts.join('\n');
  }
  if (parts.length > 0) parts.push('');
  parts.push(
    renderTable<PlanStep & { readonly number: number }>(
      [
        { heading: '#', cell: ({ number }) => number, align: 'right' },
        { heading: 'MACHINE', cell: ({ machine }) => machine },
        { heading: 'STEP', cell: titleOf },
        { heading: 'WHY', cell: ({ reason }) => reason },
      ],
      steps.map((step, index) => ({ ...step, number: index + 1 })),
    ),
    '',
    summary(cluster, steps),
  );
  return parts.join('\n');
}

function wayOut(count: number): string {
  return count === 1 ? 'this is mended' : 'these are mended';
}

function titleOf({ title, isDestructive, isPointOfNoReturn }: PlanStep): string {
  return [title, isDestructive ? '(destructive)' : '', isPointOfNoReturn ? '(no way back)' : '']
    .filter(Boolean)
    .join(' ');
}

/** `m1 (spec.network.pods): …` */
export function refusalText({ machine, field, message, reason }: PlanRefusal): string {
  const place = [machine, field && `(${field})`].filter(Boolean).join(' ');
  return `${place ? `${place}: ` : ''}${message} [${reason}]`;
}

function summary(cluster: string, steps: readonly PlanStep[]): string {
  const machines = new Set(steps.flatMap(({ machine }) => machine ?? []));
  const destructive = steps.filter(({ isDestructive }) => isDestructive);
  const pointOfNoReturn = steps.findIndex((step) => step.isPointOfNoReturn);
  return [
    `${steps.length} ${steps.length === 1 ? 'step' : 'steps'} for cluster ${cluster} on ${machines.size} ` +
      `${machines.size === 1 ? 'machine' : 'machines'}.`,
    ...(destructive.length > 0
      ? [`${destructive.length} of them take data or machines away: --yes agrees to that.`]
      : []),
    ...(pointOfNoReturn >= 0
      ? [`After step ${pointOfNoReturn + 1} the only way back is to restore the snapshot made before.`]
      : []),
  ].join(' ');
}
