import type { KubeObject } from '../kube/index.ts';
import { ageOf, renderTable } from './table.ts';

/** One event, as `hansa describe` shows it. */
export interface EventRow {
  readonly age: string | undefined;
  readonly type: string;
  readonly reason: string;
  /** How often it happened, if more than once. */
  readonly count: number | undefined;
  readonly message: string;
}

interface WireEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null;
}

/** Reads an event of the core group, which shows those of `events.k8s.io` too, with fields of their own. */
export function eventRow(object: KubeObject, nowMs: number): EventRow {
  const event = object as unknown as WireEvent;
  const count = event.series?.count ?? event.count;
  return {
    age: ageOf(eventTime(object), nowMs),
    type: event.type ?? 'Normal',
    reason: event.reason ?? '',
    count: count && count > 1 ? count : undefined,
    message: event.message ?? '',
  };
}

function eventTime(object: KubeObject): string | undefined {
  const { series, lastTimestamp, eventTime: time } = object as unknown as WireEvent;
  return series?.lastObservedTime ?? lastTimestamp ?? time ?? object.metadata.creationTimestamp ?? undefined;
}

const shownEvents = 15;

/** The last ones, newest last. */
export function recentEvents(events: readonly KubeObject[]): readonly KubeObject[] {
  return [...events]
    .sort((a, b) => Date.parse(eventTime(a) ?? '') - Date.parse(eventTime(b) ?? ''))
    .slice(-shownEvents);
}

export function eventsTable(events: readonly EventRow[]): string {
  if (events.length === 0) return '';
  const table = renderTable(
    [
      { heading: 'AGE', cell: ({ age }) => age, align: 'right' },
      { heading: 'TYPE', cell: ({ type }) => type },
      { heading: 'REASON', cell: ({ reason }) => reason },
      { heading: 'COUNT', cell: ({ count }) => count ?? 1, align: 'right' },
      { heading: 'MESSAGE', cell: ({ message }) => message },
    ],
    events,
  );
  return `Events\n${table.replace(/^/gm, '  ')}`;
}
