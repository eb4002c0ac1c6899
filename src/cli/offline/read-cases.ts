import { HansaError, isJsonObject, messageOf } from '../../base/index.ts';
import { CaseProblem } from './case-fields.ts';
import type { Printed } from './printed.ts';

/**
 * Answers a JSON array of cases with one line of JSON each, in their order: the name, and what `answer` says.
 * A case that fails is a line too.
 */
export function answerCases(text: string, answer: (value: unknown) => object): Printed {
  const lines = readCases(text).map((value, index) =>
    JSON.stringify({ name: nameOf(value, index), ...answerOrError(value, answer) }),
  );
  return { out: lines.map((line) => `${line}\n`).join(''), err: '', exitCode: 0 };
}

function readCases(text: string): readonly unknown[] {
  let cases: unknown;
  try {
    cases = JSON.parse(text);
  } catch (error) {
    throw invalidInput(`the cases are not JSON: ${messageOf(error)}`);
  }
  if (!Array.isArray(cases)) throw invalidInput('the cases must be a JSON array');
  return cases;
}

function invalidInput(message: string): HansaError {
  return new HansaError(message, { reason: 'InvalidInput', retry: 'never' });
}

function nameOf(value: unknown, index: number): string {
  const name = isJsonObject(value) ? value['name'] : undefined;
  return typeof name === 'string' ? name : `case ${index + 1}`;
}

function answerOrError(value: unknown, answer: (value: unknown) => object): object {
  try {
    return answer(value);
  } catch (error) {
    // One case must not cost the others their answer.
    const message = messageOf(error);
    if (!(error instanceof CaseProblem)) return { error: { code: 'internal', message } };
    const { field } = error;
    return { error: { code: 'invalid-case', message: `${field}: ${message}`, field } };
  }
}
