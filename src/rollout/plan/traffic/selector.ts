export type Labels = Readonly<Record<string, string>>;

interface Term {
  readonly key: string;
  readonly operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!';
  readonly values: readonly string[];
}

/** Whether labels fit a selector in the text form that lists take. Nothing that can't be read fits. */
export function fitsSelector(selector: string, labels: Labels): boolean {
  const terms = termsOf(selector);
  return terms.length > 0 && terms.every((term) => term !== undefined && fitsTerm(term, labels));
}

/** Labels that whatever fits the selector must have; undefined if it asks for more than equality. */
export function equalityOf(selector: string): Labels | undefined {
  const terms = termsOf(selector);
  if (!terms.every((term) => term?.operator === '=')) return undefined;
  return impliedLabels(selector);
}

/** Labels that whatever fits the selector has for certain. */
export function impliedLabels(selector: string): Labels {
  return Object.fromEntries(
    termsOf(selector).flatMap((term) =>
      term?.operator === '=' ? [[term.key, term.values[0] ?? ''] as const] : [],
    ),
  );
}

/** A Service's selector as text; it has equality only. */
export function textOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function termsOf(selector: string): readonly (Term | undefined)[] {
  // Commas within parentheses separate values.
  return selector
    .split(/,(?![^()]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(readTerm);
}

function readTerm(text: string): Term | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, values = ''] = set;
    return {
      key,
      operator: operator as 'in' | 'notin',
      values: values.split(',').map((each) => each.trim()),
    };
  }
  const pair = /^([^\s=!]+)\s*(==?|!=)\s*(\S*)$/.exec(text);
  if (pair) {
    const [, key = '', operator, value = ''] = pair;
    return { key, operator: operator === '!=' ? '!=' : '=', values: [value] };
  }
  const absent = /^!\s*(\S+)$/.exec(text);
  if (absent) return { key: absent[1] ?? '', operator: '!', values: [] };
  return /^\S+$/.test(text) ? { key: text, operator: 'exists', values: [] } : undefined;
}

function fitsTerm({ key, operator, values }: Term, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case '=':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
  }
}
