/** The minutes, hours and days at which a schedule strikes. */
export interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** With both kinds of days restricted, either is enough; that is cron's old rule. */
  readonly eitherDay: boolean;
}

export type ParsedCron =
  | { readonly ok: true; readonly cron: Cron }
  | { readonly ok: false; readonly message: string };

interface FieldRule {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly words?: readonly string[];
}

const fieldRules = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  {
    name: 'month',
    least: 1,
    most: 12,
    words: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  // 7 is Sunday too.
  { name: 'day of the week', least: 0, most: 7, words: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const satisfies readonly FieldRule[];

const nicknames: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

/** Five fields, as Kubernetes' CronJobs have them. */
export function parseCron(text: string): ParsedCron {
  const fields = (nicknames[text.trim()] ?? text).trim().split(/\s+/);
  if (fields.length !== fieldRules.length) {
    return {
      ok: false,
      message: `"${text}" has ${fields.length} fields: give minute, hour, day of the month, month and day of the week, such as "15 */6 * * *"`,
    };
  }
  const sets: ReadonlySet<number>[] = [];
  for (const [index, rule] of fieldRules.entries()) {
    const set = parseField(fields[index] ?? '', rule);
    if (!set) {
      return {
        ok: false,
        message: `"${fields[index]}" is no ${rule.name}: give ${rule.least} to ${rule.most}, a list (1,2), a range (1-5), a step (*/6) or *`,
      };
    }
    sets.push(set);
  }
  const [minutes, hours, daysOfMonth, months, weekdays] = sets as [Days, Days, Days, Days, Days];
  const daysOfWeek = new Set([...weekdays].map((day) => day % 7));
  const eitherDay = !fields[2]?.startsWith('*') && !fields[4]?.startsWith('*');
  const cron = { minutes, hours, daysOfMonth, months, daysOfWeek, eitherDay };
  return strikesAtAll(cron)
    ? { ok: true, cron }
    : { ok: false, message: `"${text}" never strikes: none of its months has that day` };
}

type Days = ReadonlySet<number>;

/** Whether a schedule strikes in the minute that starts at this time (UTC). */
export function strikes(cron: Cron, atMs: number): boolean {
  const at = new Date(atMs);
  return cron.minutes.has(at.getUTCMinutes()) && cron.hours.has(at.getUTCHours()) && isOnDay(cron, at);
}

/** First strike after a time (UTC), in milliseconds. */
export function nextStrike(cron: Cron, afterMs: number): number {
  const minuteMs = 60_000;
  const dayMs = 86_400_000;
  let atMs = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs;
  // The longest wait is for 29 February, over a century without a leap year.
  const giveUpAtMs = atMs + 9 * 366 * dayMs;
  while (atMs < giveUpAtMs) {
    const at = new Date(atMs);
    if (!isOnDay(cron, at)) atMs = Math.floor(atMs / dayMs) * dayMs + dayMs;
    else if (!cron.hours.has(at.getUTCHours())) atMs = Math.floor(atMs / 3_600_000) * 3_600_000 + 3_600_000;
    else if (!cron.minutes.has(at.getUTCMinutes())) atMs += minuteMs;
    else return atMs;
  }
  return giveUpAtMs;
}

function isOnDay({ months, daysOfMonth, daysOfWeek, eitherDay }: Cron, at: Date): boolean {
  if (!months.has(at.getUTCMonth() + 1)) return false;
  const byMonth = daysOfMonth.has(at.getUTCDate());
  const byWeek = daysOfWeek.has(at.getUTCDay());
  return eitherDay ? byMonth || byWeek : byMonth && byWeek;
}

const longestMonth = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function strikesAtAll({ months, daysOfMonth, eitherDay }: Cron): boolean {
  const earliest = Math.min(...daysOfMonth);
  return eitherDay || [...months].some((month) => earliest <= (longestMonth[month] ?? 0));
}

function parseField(text: string, rule: FieldRule): ReadonlySet<number> | undefined {
  const set = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step = '1', ...rest] = part.split('/');
    if (rest.length > 0 || !/^[1-9][0-9]{0,2}$/.test(step)) return undefined;
    const bounds = boundsOf(range, rule, part.includes('/'));
    if (!bounds) return undefined;
    for (let value = bounds.from; value <= bounds.to; value += Number(step)) set.add(value);
  }
  return set;
}

function boundsOf(
  range: string,
  rule: FieldRule,
  hasStep: boolean,
): { readonly from: number; readonly to: number } | undefined {
  if (range === '*') return { from: rule.least, to: rule.most };
  const [first = '', last, ...rest] = range.split('-');
  const from = valueOf(first, rule);
  // `5/15` means from 5 on.
  const to = last === undefined ? (hasStep ? rule.most : from) : valueOf(last, rule);
  return from === undefined || to === undefined || rest.length > 0 || from > to ? undefined : { from, to };
}

function valueOf(text: string, { least, most, words }: FieldRule): number | undefined {
  const word = words?.indexOf(text.toLowerCase()) ?? -1;
  if (word >= 0 && text !== '') return word;
  if (!/^[0-9]{1,2}$/.test(text)) return undefined;
  const value = Number(text);
  return value < least || value > most ? undefined : value;
}
