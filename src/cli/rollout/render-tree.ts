import type {
  RolloutClusterStatus,
  RolloutGateStatus,
  RolloutSpec,
  RolloutStatus,
} from '../../api/rollout.hansa.dev/v1alpha1/rollout.ts';
import { ageOf, plain } from '../table.ts';
import { clusterCells, clusterColumns, type ClusterColumns } from './cluster-line.ts';
import { durationText } from './duration-text.ts';
import { gateOf, gatePlace } from './gate-place.ts';
import { nextSteps } from './next-steps.ts';
import { paintWith, type Style } from './paint.ts';
import { clusterLooks, gateLooks, rolloutLooks, waveLooks } from './tree-words.ts';
import { soakLeftMs } from './waits.ts';
import { paintLine, type Segment, segment } from './segments.ts';
import { wrap } from './wrap.ts';

export interface TreeInput {
  readonly namespace: string;
  readonly name: string;
  readonly spec: RolloutSpec;
  readonly status: RolloutStatus | undefined;
  /** Whether the status tells of the spec as it is now. */
  readonly upToDate: boolean;
  readonly nowMs: number;
  readonly width: number;
  readonly colour: boolean;
  /** Fold what is quiet until it fits into so many lines. Absent: everything is shown. */
  readonly maxLines?: number;
}

type WaveStatus = NonNullable<RolloutStatus['waves']>[number];

/** What is folded: nothing; the clusters of waves that are done or not begun; quiet clusters of all waves. */
const foldings = ['nothing', 'quiet-waves', 'quiet-clusters'] as const;
type Folding = (typeof foldings)[number];

/** Rollout, waves, clusters and gates as lines; none is longer than the width. */
export function renderRolloutTree(input: TreeInput): readonly string[] {
  const { maxLines = Number.POSITIVE_INFINITY } = input;
  let lines: readonly string[] = [];
  for (const folding of foldings) {
    lines = render(input, folding);
    if (lines.length <= maxLines) break;
  }
  return lines;
}

type Line = readonly Segment[];

interface Branch {
  /** The first stands at the branch, the others below it. */
  readonly text: readonly Line[];
  readonly below: readonly Branch[];
}

interface Drawing {
  readonly input: TreeInput;
  readonly status: RolloutStatus;
  readonly folding: Folding;
  readonly columns: ClusterColumns;
}

const indent = '   ';

function render(input: TreeInput, folding: Folding): readonly string[] {
  const paint = paintWith(input.colour);
  return linesOf(input, folding).map((line) => paintLine(line, input.width, paint).trimEnd());
}

function linesOf(input: TreeInput, folding: Folding): readonly Line[] {
  const { status, upToDate, width, namespace, name } = input;
  if (!status) {
    const told = 'No controller has looked at it yet: is "hansa controller" running?';
    return [[segment(`${namespace}/${name}`, 'bold')], ...wrapped(told, width)];
  }
  // Room for two levels of branches before a cluster's line.
  const columns = clusterColumns(status.clusters ?? [], input.spec, width - 2 * indent.length);
  const drawing = { input, status, folding, columns };
  return [
    headline(drawing),
    ...(upToDate
      ? []
      : wrapped('The last change of the object has not been looked at yet.', width, 'yellow')),
    ...wrapped(plainOr(status.summary), width),
    ...troubles(drawing),
    ...(columns.heading ? [[segment(`${' '.repeat(2 * indent.length)}${columns.heading}`, 'dim')]] : []),
    ...wavesOf(drawing).flatMap((branch, index, all) => drawn(branch, '', index === all.length - 1)),
    ...nextLines(input),
  ];
}

/** Effects stand below each other where there is room; a command is never cut in favour of one. */
function nextLines(input: TreeInput): readonly Line[] {
  const steps = nextSteps(input);
  const longest = Math.max(...steps.map(({ command }) => command.length));
  return steps.map(({ command, effect }) => [
    segment(command.padEnd(longest), 'bold'),
    segment(`  ${effect}`, 'dim'),
  ]);
}

function wrapped(text: string, width: number, style?: Style): readonly Line[] {
  return wrap(text, width).map((line) => [segment(line, style)]);
}

function plainOr(text: string | undefined): string {
  return text ? plain(text) : '';
}

/** The times go first where there is no room for all. */
function headline({ input, status }: Drawing): Line {
  const { namespace, name, nowMs, width } = input;
  const look = rolloutLooks[status.phase ?? 'Idle'];
  const { revision, stableRevision, startedAt, completedAt } = status;
  const over = stableRevision && stableRevision !== revision ? ` (from ${stableRevision})` : '';
  const times = completedAt
    ? [`for ${ageOf(startedAt, Date.parse(completedAt))}`, `ended ${ageOf(completedAt, nowMs)} ago`]
    : startedAt
      ? [`for ${ageOf(startedAt, nowMs)}`]
      : [];
  const parts = [
    segment(`${namespace}/${name}`, 'bold'),
    segment(`  ${look.mark} ${look.words}`, look.style),
    ...(revision ? [segment(`  revision ${revision}${over}`)] : []),
    ...times.map((text) => segment(`  ${text}`, 'dim')),
  ];
  while (parts.length > 2 && lengthOf(parts) > width) parts.pop();
  return parts;
}

function lengthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + text.length, 0);
}

/** Why it was taken back, and conditions that say that something is wrong with the whole. */
function troubles({ input, status }: Drawing): readonly Line[] {
  const told = [
    ...(status.abortedBecause && !status.summary?.includes(status.abortedBecause)
      ? [`Taken back: ${status.abortedBecause}`]
      : []),
    ...(status.conditions ?? [])
      .filter(({ type, status: holds }) => (type === 'Valid' || type === 'Healthy') && holds === 'False')
      .filter(({ message }) => message !== status.summary)
      .map(({ reason, message }) => [reason, message].filter(Boolean).join(': ')),
  ].filter((text) => text !== '');
  return [...new Set(told)].flatMap((text) => wrapped(plain(text), input.width, 'red'));
}

function wavesOf(drawing: Drawing): readonly Branch[] {
  const { status } = drawing;
  const clusters = status.clusters ?? [];
  const known = status.waves ?? [];
  const names = new Set(known.map(({ name }) => name));
  const waveless = clusters.filter(({ wave }) => wave === undefined || !names.has(wave));
  return [
    ...known.map((wave) =>
      waveBranch(
        wave,
        clusters.filter((each) => each.wave === wave.name),
        drawing,
      ),
    ),
    ...clusterBranches(waveless, false, drawing),
    // In lockstep all clusters are one, and what is asked for all of them has no wave here.
    ...gatesOf(
      drawing,
      ({ member, wave }) => member === undefined && (wave === undefined || !names.has(wave)),
    ),
  ];
}

function waveBranch(wave: WaveStatus, clusters: readonly RolloutClusterStatus[], drawing: Drawing): Branch {
  const { input } = drawing;
  const look = waveLooks[wave.phase];
  const left = soakLeftMs(wave, input.spec, input.nowMs);
  const done = clusters.filter(({ phase }) => phase === 'Done').length;
  const words = [
    left === undefined ? look.words : `${look.words}, ${durationText(left)} left`,
    `${done} of ${clusters.length} ${clusters.length === 1 ? 'cluster' : 'clusters'} done`,
  ].join('; ');
  const isQuiet = wave.phase === 'Done' || wave.phase === 'Pending' || wave.phase === 'Reverted';
  return {
    text: [
      [
        segment(look.mark, look.style),
        segment(` wave ${plain(wave.name)}  `, 'bold'),
        segment(words, look.style),
      ],
    ],
    below: [
      ...clusterBranches(clusters, isQuiet, drawing),
      ...gatesOf(drawing, (place) => place.member === undefined && place.wave === wave.name),
    ],
  };
}

const quietPhases: readonly RolloutClusterStatus['phase'][] = ['Pending', 'Done', 'Reverted'];

function clusterBranches(
  clusters: readonly RolloutClusterStatus[],
  isInQuietWave: boolean,
  drawing: Drawing,
): readonly Branch[] {
  const { folding } = drawing;
  const folds =
    folding === 'quiet-clusters' || (folding === 'quiet-waves' && isInQuietWave)
      ? (phase: RolloutClusterStatus['phase']) => quietPhases.includes(phase)
      : () => false;
  const folded = clusters.filter(({ phase }) => folds(phase));
  const counts = quietPhases
    .map((phase) => ({ phase, count: folded.filter((each) => each.phase === phase).length }))
    .filter(({ count }) => count > 0)
    .map(({ phase, count }) => `${count} ${clusterLooks[phase].words}`);
  return [
    ...clusters.filter(({ phase }) => !folds(phase)).map((cluster) => clusterBranch(cluster, drawing)),
    // A heading of its own says as much where all clusters of a wave are folded.
    ...(folded.length > 0 && folded.length < clusters.length
      ? [{ text: [[segment(`… ${counts.join(', ')}`, 'dim')]], below: [] }]
      : []),
  ];
}

const loudPhases: readonly RolloutClusterStatus['phase'][] = [
  'Failed',
  'Unreachable',
  'Skipped',
  'Reverting',
  'Reverted',
];

function clusterBranch(cluster: RolloutClusterStatus, drawing: Drawing): Branch {
  const { input, columns, status } = drawing;
  const isLoud = loudPhases.includes(cluster.phase);
  const told = isLoud && cluster.message ? plain(cluster.message) : undefined;
  const look = clusterLooks[cluster.phase];
  return {
    text: [
      clusterCells(cluster, columns, { ...input, status }),
      ...(told
        ? wrap(told, columns.width - 2).map((text) => [segment('  '), segment(text, look.style)])
        : []),
    ],
    below:
      cluster.phase === 'Done' || cluster.phase === 'Pending'
        ? []
        : gatesOf(drawing, (place) => place.member === cluster.name),
  };
}

/** The gates of one place; those that passed at an earlier step are no news. */
function gatesOf(
  drawing: Drawing,
  isHere: (place: ReturnType<typeof gatePlace>) => boolean,
): readonly Branch[] {
  const { status, input } = drawing;
  return (status.gates ?? []).flatMap((gate) => {
    const place = gatePlace(gate.key);
    if (!isHere(place) || (status.revision !== undefined && place.revision !== status.revision)) return [];
    if (gate.phase === 'Passed' && isOfEarlierStep(place, drawing)) return [];
    return [{ text: gateText(gate, place, input), below: [] }];
  });
}

function isOfEarlierStep(place: ReturnType<typeof gatePlace>, { status, input }: Drawing): boolean {
  if (place.step === undefined) return false;
  const cluster = status.clusters?.find(({ name }) => name === place.member);
  const step = cluster?.step ?? status.step;
  return step !== undefined && place.step !== input.spec.steps?.[step]?.name && place.step !== String(step);
}

function gateText(
  gate: RolloutGateStatus,
  place: ReturnType<typeof gatePlace>,
  { spec, width }: TreeInput,
): readonly Line[] {
  const look = gateLooks[gate.phase];
  const wanted = gateOf(spec, place)?.count ?? 1;
  const counts = [
    ...(wanted > 1 || (gate.good ?? 0) > 1 ? [`${gate.good ?? 0} of ${wanted} good`] : []),
    ...(gate.bad ? [`${gate.bad} bad`] : []),
    ...(gate.inconclusive ? [`${gate.inconclusive} said nothing`] : []),
  ];
  const title = `gate ${plain(place.name)} ${look.words}${counts.length > 0 ? ` (${counts.join(', ')})` : ''}`;
  const text = gate.message ? `${title}: ${plain(gate.message)}` : title;
  const lines = wrap(text, width - 3 * indent.length - 2);
  return lines.map((line, index) =>
    index === 0 ? [segment(look.mark, look.style), segment(` ${line}`)] : [segment(`  ${line}`)],
  );
}

function drawn({ text, below }: Branch, before: string, isLast: boolean): readonly Line[] {
  const [first = [], ...more] = text;
  const inner = `${before}${isLast ? indent : '│  '}`;
  // Further lines of a branch that has branches below keep the way down to them open.
  const under = below.length > 0 ? `${inner}│` : `${inner} `;
  return [
    [segment(`${before}${isLast ? '└─ ' : '├─ '}`), ...first],
    ...more.map((line) => [
      segment(under),
      ...line.slice(0, 1).map(({ text: words, style }) => segment(words.slice(1), style)),
      ...line.slice(1),
    ]),
    ...below.flatMap((branch, index) => drawn(branch, inner, index === below.length - 1)),
  ];
}
