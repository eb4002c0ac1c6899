import { HansaError } from '../../../base/index.ts';

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** A workload's selector as the text that lists take. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const parts = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(expressionText),
  ];
  // An empty text would select every pod of the namespace.
  if (parts.length === 0) {
    throw new HansaError('the workload has an empty selector: give it one that selects its own pods only', {
      reason: 'InvalidSpec',
      retry: 'never',
    });
  }
  return parts.join(',');
}

function expressionText({
  key,
  operator,
  values = [],
}: NonNullable<Selector['matchExpressions']>[number]): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      throw new HansaError(`the workload's selector has the unknown operator "${operator}"`, {
        reason: 'InvalidSpec',
        retry: 'never',
      });
  }
}
