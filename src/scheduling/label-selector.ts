/** A Kubernetes LabelSelector; both parts must match, and an empty one matches everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly SelectorExpression[];
}

export interface SelectorExpression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface SelectorProblem {
  readonly field: string;
  readonly message: string;
}

const labelValuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const labelNamePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelPrefixPattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** What is wrong with a selector, as the API server would find it; `field` is where it stands in the user's object. */
export function selectorProblems(selector: LabelSelector, field: string): readonly SelectorProblem[] {
  const problems: SelectorProblem[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    const at = `${field}.matchLabels[${key}]`;
    if (!isLabelKey(key)) problems.push({ field: at, message: `"${key}" is not a label key` });
    if (!labelValuePattern.test(value))
      problems.push({ field: at, message: `"${value}" is not a label value` });
  }
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    if (!isLabelKey(key)) problems.push({ field: `${at}.key`, message: `"${key}" is not a label key` });
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (!needsValues && operator !== 'Exists' && operator !== 'DoesNotExist') {
      problems.push({
        field: `${at}.operator`,
        message: `"${operator}" is unknown: use In, NotIn, Exists or DoesNotExist`,
      });
    } else if (needsValues && values.length === 0) {
      problems.push({ field: `${at}.values`, message: `${operator} needs at least one value` });
    } else if (!needsValues && values.length > 0) {
      problems.push({ field: `${at}.values`, message: `${operator} takes no values` });
    }
    for (const value of values) {
      if (!labelValuePattern.test(value)) {
        problems.push({ field: `${at}.values`, message: `"${value}" is not a label value` });
      }
    }
  }
  return problems;
}

/** Tells whether a selector without problems matches these labels. */
export function matchesSelector(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labelOf(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((expression) => matchesExpression(expression, labels))
  );
}

function matchesExpression(
  { key, operator, values = [] }: SelectorExpression,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      // As in Kubernetes, an object without the label is not in the set.
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** What every object inherits, such as `constructor`, is no label. */
function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return labelNamePattern.test(key);
  return labelPrefixPattern.test(key.slice(0, slash)) && labelNamePattern.test(key.slice(slash + 1));
}
