/** What a query may say of the rollout it is asked for. Single values, and sets of clusters. */
export interface PlaceholderValues {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: string;
  readonly stableRevision: string;
  readonly wave: string;
  readonly step: string;
  readonly clusters: readonly string[];
  readonly rolled: readonly string[];
  readonly notRolled: readonly string[];
}

export type FilledQuery =
  | { readonly ok: true; readonly query: string }
  | { readonly ok: false; readonly message: string };

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly name: keyof PlaceholderValues; readonly place: Place };

/** Where a placeholder stands: in which quotes, and whether the string is a regular expression. */
interface Place {
  readonly quote: Quote;
  readonly before: '=~' | '=' | 'other';
}

type Quote = '"' | "'" | '`';

const names = new Set<string>([
  'cluster',
  'namespace',
  'name',
  'revision',
  'stableRevision',
  'wave',
  'step',
  'clusters',
  'rolled',
  'notRolled',
] satisfies (keyof PlaceholderValues)[]);

const placeholderPattern = /\{\{\s*([^{}\s]*)\s*\}\}/y;
/** Matches nothing, not even an empty label: no text has a character before its start. */
const matchesNothing = '.^';

/** What is wrong with the placeholders of a query; empty when nothing is. */
export function placeholderProblems(query: string): readonly string[] {
  const split = splitQuery(query);
  return split.ok ? [] : [split.message];
}

/**
 * Puts values into a PromQL query. Placeholders stand inside strings only, and values are escaped for the string they
 * go into (and for a regular expression after `=~`), so that no name of a cluster can change the query's meaning.
 */
export function fillQuery(query: string, values: PlaceholderValues): FilledQuery {
  const split = splitQuery(query);
  if (!split.ok) return split;
  let filled = '';
  for (const part of split.parts) {
    if (part.kind === 'text') {
      filled += part.text;
      continue;
    }
    const text = regexOrText(values[part.name], part.place);
    if (part.place.quote === '`' && text.includes('`')) {
      return {
        ok: false,
        message: `the value of {{${part.name}}} has a backquote: put the placeholder into "…"`,
      };
    }
    filled += escapeFor(part.place.quote, text);
  }
  return { ok: true, query: filled };
}

function regexOrText(value: string | readonly string[], { before }: Place): string {
  if (typeof value === 'string') return before === '=~' ? escapeRegex(value) : value;
  return value.length > 0 ? `(?:${value.map(escapeRegex).join('|')})` : matchesNothing;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** PromQL strings in double and single quotes know the escapes of Go; those in backquotes know none. */
function escapeFor(quote: Quote, text: string): string {
  if (quote === '`') return text;
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
}

type Split =
  | { readonly ok: true; readonly parts: readonly Part[] }
  | { readonly ok: false; readonly message: string };

/** Reads a query just as far as is needed to know which part of it is inside which string. */
function splitQuery(query: string): Split {
  const parts: Part[] = [];
  let place: Place | undefined;
  let textFrom = 0;
  let at = 0;
  while (at < query.length) {
    const character = query[at] ?? '';
    placeholderPattern.lastIndex = at;
    const placeholder = query.startsWith('{{', at) ? placeholderPattern.exec(query) : null;
    if (placeholder) {
      const [whole, name = ''] = placeholder;
      if (!isName(name)) return problem(at, `${whole} is not known; there are ${listed()}`);
      if (!place) return problem(at, `${whole} must stand inside quotes, such as cluster="{{cluster}}"`);
      if (isSet(name) && place.before === '=') {
        return problem(at, `${whole} stands for several clusters: compare with =~ or !~, not with = or !=`);
      }
      parts.push({ kind: 'text', text: query.slice(textFrom, at) }, { kind: 'value', name, place });
      at += whole.length;
      textFrom = at;
    } else if (place) {
      if (character === '\\' && place.quote !== '`') {
        // Else the backslash would take the first character of the value for its own.
        if (query.startsWith('{{', at + 1))
          return problem(at, 'a backslash must not stand before a placeholder');
        at += 2;
        continue;
      }
      if (character === place.quote) place = undefined;
      at += 1;
    } else if (character === '#') {
      const end = query.indexOf('\n', at);
      const comment = query.slice(at, end < 0 ? undefined : end);
      if (comment.includes('{{')) return problem(at, 'a placeholder must not stand in a comment');
      at += comment.length;
    } else {
      if (isQuote(character)) place = { quote: character, before: operatorBefore(query.slice(0, at)) };
      at += 1;
    }
  }
  if (place) return { ok: false, message: `a string that starts with ${place.quote} has no end` };
  parts.push({ kind: 'text', text: query.slice(textFrom) });
  return { ok: true, parts };
}

function operatorBefore(text: string): Place['before'] {
  const operator = /(=~|!~|!=|=)\s*$/.exec(text)?.[1];
  if (operator === '=~' || operator === '!~') return '=~';
  return operator === undefined ? 'other' : '=';
}

function problem(at: number, message: string): Split {
  return { ok: false, message: `column ${at + 1}: ${message}` };
}

function isName(name: string): name is keyof PlaceholderValues {
  return names.has(name);
}

function isSet(name: keyof PlaceholderValues): boolean {
  return name === 'clusters' || name === 'rolled' || name === 'notRolled';
}

function isQuote(character: string): character is Quote {
  return character === '"' || character === "'" || character === '`';
}

function listed(): string {
  return [...names].map((name) => `{{${name}}}`).join(', ');
}
