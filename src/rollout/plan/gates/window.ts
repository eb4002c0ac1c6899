import type { Gate } from '../../../api/rollout.hansa.dev/v1alpha1/gate.ts';
import type { GateAnswer } from '../../gates.ts';

export type TimeWindow = NonNullable<Gate['window']>;

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
type Day = (typeof days)[number];

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly date: number;
  readonly minutes: number;
  readonly weekday: Day;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** A window of one weekday may fall into the hour that daylight saving skips, so that a week is not enough. */
const daysAhead = 15;

export function isTimeZone(name: string): boolean {
  return clockOf(name) !== undefined;
}

/**
 * Whether a window is open. `days` are those on which it opens: with Fri, 22:00 to 02:00 lasts into Saturday. Times
 * are those on the clocks of the zone, so that 09:00 stays 09:00 when daylight saving begins or ends.
 */
export function answerFromWindow(window: TimeWindow, nowMs: number): GateAnswer {
  const zone = window.timeZone ?? 'UTC';
  const clock = clockOf(zone);
  if (!clock) {
    return {
      kind: 'inconclusive',
      message: `"${zone}" is not a time zone: use a name such as Europe/Amsterdam`,
    };
  }
  if (isOpen(window, clock(nowMs))) {
    return { kind: 'good', message: `the window is open until ${window.to} (${zone})` };
  }
  const opensAtMs = nextOpening(window, nowMs, clock);
  if (opensAtMs === undefined) {
    return { kind: 'later', message: 'the window is closed and has no day on which it opens' };
  }
  const { weekday, year, month, date, minutes } = clock(opensAtMs);
  const day = `${weekday} ${year}-${twoDigits(month)}-${twoDigits(date)}`;
  return {
    kind: 'later',
    message: `the window is closed; it opens on ${day} at ${timeText(minutes)} (${zone}), in ${spanText(opensAtMs - nowMs)}`,
  };
}

function isOpen(window: TimeWindow, now: LocalTime): boolean {
  const from = minutesOf(window.from);
  const to = minutesOf(window.to);
  const opensOn = (day: Day) => window.days === undefined || window.days.includes(day);
  if (from < to) return opensOn(now.weekday) && now.minutes >= from && now.minutes < to;
  // Over midnight; with equal times it is open for 24 hours.
  return (
    (opensOn(now.weekday) && now.minutes >= from) || (opensOn(dayBefore(now.weekday)) && now.minutes < to)
  );
}

/** It opens at `from`, except where the clocks jump: then maybe in the middle, or twice. */
function nextOpening(
  window: TimeWindow,
  nowMs: number,
  clock: (ms: number) => LocalTime,
): number | undefined {
  const minute = Math.floor(nowMs / minuteMs) * minuteMs;
  for (let day = 0; day < daysAhead; day++) {
    const startMs = minute + day * dayMs;
    const hasJump = offsetAt(startMs, clock) !== offsetAt(startMs + dayMs, clock);
    const opensAtMs = (hasJump ? openingByMinutes : openingByTime)(window, startMs, clock);
    if (opensAtMs !== undefined) return opensAtMs;
  }
  return undefined;
}

/** The opening within a day after that moment, in which the clocks don't jump. */
function openingByTime(
  window: TimeWindow,
  startMs: number,
  clock: (ms: number) => LocalTime,
): number | undefined {
  const { minutes } = clock(startMs);
  const wait = minutesOf(window.from) - minutes;
  const atMs = startMs + wait * minuteMs + (wait > 0 ? 0 : dayMs);
  return isOpen(window, clock(atMs)) ? atMs : undefined;
}

/** Twice a year; a look at every minute of that day needs no thought about what kind of jump it is. */
function openingByMinutes(
  window: TimeWindow,
  startMs: number,
  clock: (ms: number) => LocalTime,
): number | undefined {
  for (let ms = startMs + minuteMs; ms <= startMs + dayMs; ms += minuteMs) {
    if (isOpen(window, clock(ms))) return ms;
  }
  return undefined;
}

/** How far the clocks of the zone are ahead of UTC. */
function offsetAt(ms: number, clock: (ms: number) => LocalTime): number {
  return wallTimeAt(ms, clock) - Math.floor(ms / minuteMs) * minuteMs;
}

/** What the clocks of the zone show, as if they showed UTC. */
function wallTimeAt(ms: number, clock: (ms: number) => LocalTime): number {
  const { year, month, date, minutes } = clock(ms);
  return Date.UTC(year, month - 1, date) + minutes * minuteMs;
}

/** Making one is slow; there are not more of them than time zones. */
const clocks = new Map<string, (ms: number) => LocalTime>();

/** Tells what the clocks of a zone show; undefined if there is no such zone. */
function clockOf(timeZone: string): ((ms: number) => LocalTime) | undefined {
  const known = clocks.get(timeZone);
  if (known) return known;
  try {
    const made = makeClock(timeZone);
    clocks.set(timeZone, made);
    return made;
  } catch {
    return undefined;
  }
}

/** @throws RangeError for a zone that does not exist */
function makeClock(timeZone: string): (ms: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const number = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type));
    return {
      year: number('year'),
      month: number('month'),
      date: number('day'),
      minutes: number('hour') * 60 + number('minute'),
      weekday: days.find((day) => day === parts.get('weekday')) ?? 'Sun',
    };
  };
}

function dayBefore(day: Day): Day {
  return days[(days.indexOf(day) + 6) % 7] ?? day;
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function timeText(minutes: number): string {
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

/** `2d 3h`, `1h 5m`, `40s`: the two largest units. */
function spanText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.ceil(seconds / 60);
  const parts = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor(minutes / 60) % 24, 'h'],
    [minutes % 60, 'm'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .slice(0, 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
