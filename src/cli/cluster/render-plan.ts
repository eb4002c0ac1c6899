import type { ClusterPlan, PlanRefusal, PlanStep } from '../../provision/index.ts';
import { plain, renderTable } from '../table.ts';
import { hang } from './hang.ts';

export interface PlanLook {
  /** Columns of the terminal; undefined: no terminal, nothing is wrapped. */
  readonly width?: number | undefined;
}

/** A plan as a person reads it: what is refused first, then each step with its reason. */
export function renderPlan(
  cluster: string,
  { steps, refusals, warnings }: ClusterPlan,
  { width }: PlanLook = {},
): string {
  const parts = [
    ...refusals.map((refusal) => hang('✗ ', refusalText(refusal), width)),
    ...warnings.map((warning) => hang('! ', refusalText(warning), width)),
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
  parts.push(renderSteps(steps, width), '', hang('', summary(cluster, steps), width));
  return parts.join('\n');
}

/** `m1 (spec.network.pods): …` */
export function refusalText({ machine, field, message, reason }: PlanRefusal): string {
  const place = [machine, field && `(${field})`].filter(Boolean).join(' ');
  return `${place ? `${place}: ` : ''}${message} [${reason}]`;
}

function wayOut(count: number): string {
  return count === 1 ? 'this is mended' : 'these are mended';
}

interface NumberedStep extends PlanStep {
  readonly number: number;
}

/** A table; on a terminal too narrow for it, each step with its reason below it. */
function renderSteps(steps: readonly PlanStep[], width: number | undefined): string {
  const rows = steps.map((step, index) => ({ ...step, number: index + 1 }));
  const table = renderTable<NumberedStep>(
    [
      { heading: '#', cell: ({ number }) => number, align: 'right' },
      { heading: 'MACHINE', cell: ({ machine }) => machine },
      { heading: 'STEP', cell: titleOf },
      { heading: 'WHY', cell: ({ reason }) => reason },
    ],
    rows,
  );
  if (width === undefined || table.split('\n').every((line) => line.length <= width)) return table;
  const digits = String(rows.length).length;
  return rows.map((row) => stacked(row, digits, width)).join('\n');
}

function stacked(step: NumberedStep, digits: number, width: number): string {
  const mark = `${String(step.number).padStart(digits)}  `;
  const what = `${step.machine === undefined ? '' : `${step.machine}: `}${titleOf(step)}`;
  return [
    hang(mark, plain(what), width),
    hang(`${' '.repeat(mark.length)}  `, plain(step.reason), width),
  ].join('\n');
}

function titleOf({ title, isDestructive, isPointOfNoReturn }: PlanStep): string {
  return [title, isDestructive ? '(destructive)' : '', isPointOfNoReturn ? '(no way back)' : '']
    .filter(Boolean)
    .join(' ');
}

function summary(cluster: string, steps: readonly PlanStep[]): string {
  const machines = new Set(steps.flatMap(({ machine }) => machine ?? []));
  const destructive = steps.filter(({ isDestructive }) => isDestructive);
  const pointOfNoReturn = steps.findIndex((step) => step.isPointOfNoReturn);
  return [
    `${steps.length} ${steps.length === 1 ? 'step' : 'steps'} for cluster ${cluster}` +
      `${machines.size === 0 ? '' : ` on ${machines.size} ${machines.size === 1 ? 'machine' : 'machines'}`}.`,
    ...(destructive.length > 0
      ? [
          `${destructive.length} of them ${destructive.length === 1 ? 'takes' : 'take'} data or machines away, and must be agreed to.`,
        ]
      : []),
    ...(pointOfNoReturn >= 0 ? [wayBackAfter(steps, pointOfNoReturn)] : []),
  ].join(' ');
}

function wayBackAfter(steps: readonly PlanStep[], index: number): string {
  const hasSnapshot = steps.slice(0, index).some(({ kind }) => kind === 'snapshot-etcd');
  return hasSnapshot
    ? `After step ${index + 1} the only way back is to restore the snapshot made before.`
    : `Step ${index + 1} can't be taken back.`;
}
