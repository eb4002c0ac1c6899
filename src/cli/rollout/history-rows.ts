import { ageOf, type Column } from '../table.ts';
import type { RevisionObject, RolloutObject } from './rollout-object.ts';
import { durationText } from './duration-text.ts';

/** One run, or a revision that is kept without one. */
export interface HistoryRow {
  readonly number: number | undefined;
  readonly revision: string;
  readonly outcome: string;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Whether its content is still there for undo and diff. */
  readonly kept: boolean;
  readonly message: string | undefined;
}

/** Runs that are over, the oldest first, then the one under way. */
export function historyRows(
  { status }: RolloutObject,
  revisions: readonly RevisionObject[],
): readonly HistoryRow[] {
  const numbers = new Map(revisions.map(({ spec }) => [spec.revision, spec.number]));
  const row = (revision: string, rest: Omit<HistoryRow, 'number' | 'revision' | 'kept'>): HistoryRow => ({
    number: numbers.get(revision),
    revision,
    kept: numbers.has(revision),
    ...rest,
  });
  const over = (status?.history ?? []).map(({ revision, outcome, startedAt, endedAt, message }) =>
    row(revision, { outcome, startedAt, endedAt, message }),
  );
  return [...over, ...current(status, row)];
}

function current(
  status: RolloutObject['status'],
  row: (revision: string, rest: Omit<HistoryRow, 'number' | 'revision' | 'kept'>) => HistoryRow,
): readonly HistoryRow[] {
  const { revision, phase, startedAt, summary, history = [], completedAt } = status ?? {};
  const last = history.at(-1);
  // A run that is over is in the history already.
  if (revision === undefined || phase === undefined || phase === 'Idle') return [];
  const isTold = last?.revision === revision && (phase === 'Completed' || phase === 'Aborted');
  if (isTold) return [];
  return [row(revision, { outcome: phase, startedAt, endedAt: completedAt, message: summary })];
}

export function historyColumns(nowMs: number): readonly Column<HistoryRow>[] {
  return [
    { heading: 'NUMBER', cell: ({ number }) => number, align: 'right' },
    { heading: 'REVISION', cell: ({ revision }) => revision },
    { heading: 'OUTCOME', cell: ({ outcome }) => outcome },
    { heading: 'STARTED', cell: ({ startedAt }) => agoText(startedAt, nowMs), align: 'right' },
    { heading: 'TOOK', cell: tookText, align: 'right' },
    { heading: 'KEPT', cell: ({ kept }) => (kept ? 'yes' : 'no') },
    { heading: 'MESSAGE', cell: ({ message }) => message },
  ];
}

function agoText(time: string | undefined, nowMs: number): string | undefined {
  const age = ageOf(time, nowMs);
  return age && `${age} ago`;
}

function tookText({ startedAt, endedAt }: HistoryRow): string | undefined {
  const ms = Date.parse(endedAt ?? '') - Date.parse(startedAt ?? '');
  return Number.isNaN(ms) ? undefined : durationText(ms);
}
