import { managedLabel } from '../../api/names.ts';
import { HansaError, isJsonObject, type JsonObject, messageOf } from '../../base/index.ts';
import { applyOverrides, checkOverrides } from '../../propagation/plan/index.ts';
import { divideReplicas, type MemberName, mergeReplicaOverrides } from '../../scheduling/index.ts';
import { type BatchCase, readCase } from './batch-case.ts';
import type { Printed } from './printed.ts';

/** What one line of the answer holds, beside the name. */
type Answer =
  | { readonly plan: unknown; readonly overflow: unknown }
  | { readonly result: unknown }
  | { readonly error: BatchError };

interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly stage?: 'parse' | 'apply';
  readonly field?: string;
}

/** Answers a JSON array of cases with one line of JSON each, in their order. A case that fails is a line too. */
export function runBatch(text: string): Printed {
  const lines = readCases(text).map((value, index) =>
    JSON.stringify({ name: nameOf(value, index), ...answer(value) }),
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

function answer(value: unknown): Answer {
  const read = readCase(value);
  if (!read.ok) {
    const { field, message } = read;
    return { error: { code: 'invalid-case', message: `${field}: ${message}`, field } };
  }
  try {
    return answerTo(read.case);
  } catch (error) {
    // One case must not cost the others their answer.
    return { error: { code: 'internal', message: messageOf(error) } };
  }
}

function answerTo(one: BatchCase): Answer {
  switch (one.kind) {
    case 'plan': {
      const { plan, overflow } = divideReplicas(one.input);
      return { plan, overflow };
    }
    case 'merge-replicas': {
      const wrong = checkOverrides(one.overrides, 'jsonpatch');
      return wrong ? { error: wrong } : { result: mergeReplicaOverrides(one.overrides, one.replicas) };
    }
    case 'render': {
      const member = { name: one.cluster as MemberName, labels: {} };
      // The cases compare with KubeFed, which read the entries of every cluster first.
      const done = applyOverrides(one.object, one.overrides, member, [member], one.style, 'all-entries');
      if (!done.ok) return { error: done.failure };
      return { result: one.managedLabel ? labelled(done.value) : done.value };
    }
  }
}

function labelled(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  return { ...object, metadata: { ...metadata, labels: { ...labels, [managedLabel]: 'true' } } };
}
