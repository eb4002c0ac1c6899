import { type Problem, problemsOf } from '../../api/convert/problem.ts';
import { HansaError, isJsonObject } from '../../base/index.ts';
import type { z } from 'zod';

/** One thing that is wrong with an object of a file, or that deserves a second look. */
export interface ReadProblem extends Problem {
  /** `KubeMachine shop-1`. */
  readonly object: string;
}

/** Several at once, so that a file is mended in one go. */
export class InvalidClusterError extends HansaError {
  readonly problems: readonly ReadProblem[];

  constructor(problems: readonly ReadProblem[]) {
    super(tellProblems(problems), { reason: 'InvalidSpec', retry: 'never' });
    this.problems = problems;
  }
}

export function tellProblems(problems: readonly ReadProblem[]): string {
  return problems.map(tellProblem).join('\n');
}

export function tellProblem({ object, field, message }: ReadProblem): string {
  const sentence = field === '' ? message : `${field} ${message}`;
  return object === '' ? sentence : `${object}: ${sentence}`;
}

/** Where checks leave what they find. */
export class Findings {
  readonly problems: ReadProblem[] = [];
  readonly warnings: ReadProblem[] = [];

  /** For all that is found in one object. */
  on(object: string): ObjectFindings {
    return {
      problem: (field, message) => void this.problems.push({ object, field, message }),
      warning: (field, message) => void this.warnings.push({ object, field, message }),
    };
  }
}

export interface ObjectFindings {
  problem(field: string, message: string): void;
  warning(field: string, message: string): void;
}

/** Reads an object by its schema. A field that the schema doesn't know is a problem: it is a slip of the pen nearly always. */
export function parseStrictly<S extends z.ZodObject>(
  schema: S,
  value: Readonly<Record<string, unknown>>,
  found: ObjectFindings,
): z.infer<S> | undefined {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    for (const { field, message } of problemsOf(parsed.error, ''))
      found.problem(field.replace(/^\./, ''), message);
    return undefined;
  }
  const known = parsed.data as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(known)) {
    for (const field of unknownFields(value[name], known[name], name)) {
      found.problem(field, 'is not a field that Hansa knows: look for a slip of the pen, or remove it');
    }
  }
  return parsed.data;
}

/** zod leaves out what it doesn't know, so what is missing behind it was not known. */
function unknownFields(given: unknown, known: unknown, path: string): readonly string[] {
  if (Array.isArray(given) && Array.isArray(known)) {
    return given.flatMap((each, index) => unknownFields(each, known[index], `${path}[${index}]`));
  }
  if (!isJsonObject(given) || !isJsonObject(known)) return [];
  return Object.keys(given).flatMap((name) =>
    name in known ? unknownFields(given[name], known[name], `${path}.${name}`) : [`${path}.${name}`],
  );
}
