import type { z } from 'zod';

/** One thing that is wrong with an object: the user's own name of the field, and the mend. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** What a schema found, as problems below `root`. */
export function problemsOf(error: z.ZodError, root: string): readonly Problem[] {
  return error.issues.map((issue) => ({ field: fieldPath(root, issue.path), message: sentenceOf(issue) }));
}

function fieldPath(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (before, step) => (typeof step === 'number' ? `${before}[${step}]` : `${before}.${String(step)}`),
    root,
  );
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = noun(issue.expected);
      const article = /^[aeio]/.test(wanted) ? 'an' : 'a';
      return issue.message.endsWith('received undefined')
        ? `is missing: it must be ${article} ${wanted}`
        : `must be ${article} ${wanted}`;
    }
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => `"${String(value)}"`).join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return issue.message;
  }
}

function noun(expected: string): string {
  const nouns: Readonly<Record<string, string>> = {
    array: 'list',
    object: 'map',
    record: 'map',
    int: 'whole number',
  };
  return nouns[expected] ?? expected;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters long';
  return origin === 'array' ? ' entries long' : '';
}
