import type {
  RolloutClusterStatus,
  RolloutSpec,
  RolloutStatus,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { ageOf, plain } from '../table.ts';
import { durationText } from './duration-text.ts';
import type { Style } from './paint.ts';
import { type Segment, segment } from './segments.ts';
import { shareBar } from './share-bar.ts';
import { clusterLooks, stageText } from './tree-words.ts';
import { type StepWait, stepWait } from './waits.ts';

/** Widths that all clusters of a rollout share, so that their bars stand below each other. */
export interface ClusterColumns {
  readonly width: number;
  readonly name: number;
  readonly step: number;
  /** Cells of one bar; 0 where there is nothing to count, or no room. */
  readonly bar: number;
  readonly newCount: number;
  readonly oldCount: number;
  readonly traffic: number;
  readonly heading: string;
}

type Side = RolloutClusterStatus['contender'];

const gap = '  ';
const barLimits = { least: 4, most: 16 } as const;
/** Room that words at the end of a line should have. */
const wordsWidth = 32;

export function clusterColumns(
  clusters: readonly RolloutClusterStatus[],
  spec: RolloutSpec,
  width: number,
): ClusterColumns {
  const longest = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const hasCounts = clusters.some(({ contender, incumbent }) => contender ?? incumbent);
  const headed = (heading: string, size: number) => (size === 0 ? 0 : Math.max(size, heading.length));
  const name = Math.min(
    longest(clusters.map((each) => plain(each.name))),
    Math.max(12, Math.floor(width / 4)),
  );
  const step = headed('STEP', Math.min(longest(clusters.map((each) => stepText(each, spec))), 20));
  const newCount = hasCounts ? longest(clusters.map(({ contender }) => countText(contender))) : 0;
  const oldCount = hasCounts ? longest(clusters.map(({ incumbent }) => countText(incumbent))) : 0;
  const traffic = headed('TRAFFIC', longest(clusters.map(trafficText)));
  const taken = [2 + name, step, newCount + 1, oldCount + 1, traffic, wordsWidth].reduce(
    (sum, size) => sum + (size > 0 ? size + gap.length : 0),
    0,
  );
  const room = Math.floor((width - taken) / 2);
  const bar = hasCounts && room >= barLimits.least ? Math.min(room, barLimits.most) : 0;
  const columns = { width, name, step, bar, newCount, oldCount, traffic };
  return { ...columns, heading: headingOf(columns) };
}

function headingOf({
  name,
  step,
  bar,
  newCount,
  oldCount,
  traffic,
}: Omit<ClusterColumns, 'heading'>): string {
  if (newCount === 0) return '';
  return [
    ' '.repeat(2 + name),
    ...(step > 0 ? ['STEP'.padEnd(step)] : []),
    'NEW'.padEnd(sideWidth(bar, newCount)),
    'OLD'.padEnd(sideWidth(bar, oldCount)),
    ...(traffic > 0 ? ['TRAFFIC'] : []),
  ]
    .join(gap)
    .trimEnd();
}

/** A bar, a blank and a count. */
function sideWidth(bar: number, count: number): number {
  return Math.max(3, bar > 0 ? bar + 1 + count : count);
}

/** One cluster in one line: mark, name, step, both sides, traffic, and what it is at. */
export function clusterCells(
  cluster: RolloutClusterStatus,
  columns: ClusterColumns,
  {
    spec,
    status,
    nowMs,
  }: { readonly spec: RolloutSpec; readonly status: RolloutStatus; readonly nowMs: number },
): readonly Segment[] {
  const look = clusterLooks[cluster.phase];
  const total = totalOf(cluster);
  const { name, step, bar, newCount, oldCount, traffic } = columns;
  const cells: readonly (readonly Segment[])[] = [
    [segment(look.mark, look.style), segment(` ${cut(plain(cluster.name), name).padEnd(name)}`)],
    ...(step > 0 ? [[segment(cut(stepText(cluster, spec), step).padEnd(step))]] : []),
    ...(newCount > 0
      ? [
          sideCells(cluster.contender, total, bar, newCount, 'green'),
          sideCells(cluster.incumbent, total, bar, oldCount, 'blue'),
        ]
      : []),
    ...(traffic > 0 ? [[segment(trafficText(cluster).padEnd(traffic))]] : []),
    [segment(wordsOf(cluster, stepWait(cluster, spec, status, nowMs), nowMs), look.style)],
  ];
  return cells.flatMap((cell, index) => (index === 0 ? cell : [segment(gap), ...cell]));
}

function stepText({ step, phase }: RolloutClusterStatus, { steps = [] }: RolloutSpec): string {
  const named = step === undefined ? undefined : steps[step];
  if (!named || step === undefined || phase === 'Pending') return '';
  return `${plain(named.name)} ${step + 1}/${steps.length}`;
}

function countText(side: Side): string {
  if (!side || (side.ready === undefined && side.desired === undefined)) return '-';
  return `${side.ready ?? 0}/${side.desired ?? 0}`;
}

function trafficText({ contender, incumbent }: RolloutClusterStatus): string {
  if (contender?.traffic === undefined && incumbent?.traffic === undefined) return '';
  return `${contender?.traffic ?? 0}:${incumbent?.traffic ?? 0}`;
}

/** Without a word on the whole, the larger side is the measure. */
function totalOf({ total, contender, incumbent }: RolloutClusterStatus): number {
  return Math.max(
    total ?? 0,
    contender?.desired ?? 0,
    contender?.ready ?? 0,
    incumbent?.desired ?? 0,
    incumbent?.ready ?? 0,
  );
}

function sideCells(side: Side, total: number, bar: number, count: number, style: Style): readonly Segment[] {
  const text = countText(side).padStart(count);
  if (bar === 0) return [segment(text.padEnd(sideWidth(bar, count)))];
  const { ready, wanted, rest } = shareBar(side, total, bar);
  return [
    segment('█'.repeat(ready), style),
    segment('▒'.repeat(wanted), 'yellow'),
    segment('·'.repeat(rest), 'dim'),
    segment(` ${text}`.padEnd(sideWidth(bar, count) - bar)),
  ];
}

function wordsOf(cluster: RolloutClusterStatus, wait: StepWait | undefined, nowMs: number): string {
  const { phase, stage, message, unreachableSince } = cluster;
  const { words } = clusterLooks[phase];
  switch (phase) {
    case 'Progressing':
    case 'Reverting': {
      const at = stageText(stage);
      const told = phase === 'Progressing' && message ? `: ${plain(message)}` : '';
      return at ? `${words}, ${at}${told}` : `${words}${told}`;
    }
    case 'StepReached':
      switch (wait?.kind) {
        case 'pause':
          return `${words}, pause ${durationText(wait.leftMs)} left`;
        case 'approval':
          return `${words}, waits for approval`;
        case undefined:
          return message ? `${words}: ${plain(message)}` : words;
      }
    case 'Unreachable': {
      const since = ageOf(unreachableSince, nowMs);
      return since ? `${words} for ${since}` : words;
    }
    case 'Pending':
    case 'Done':
    case 'Reverted':
    case 'Failed':
    case 'Skipped':
      return words;
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
