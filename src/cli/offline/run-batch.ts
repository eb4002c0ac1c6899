import { managedLabel } from '../../api/names.ts';
import { isJsonObject, type JsonObject } from '../../base/index.ts';
import { applyOverrides, checkOverrides } from '../../propagation/plan/index.ts';
import { divideReplicas, type MemberName, mergeReplicaOverrides } from '../../scheduling/index.ts';
import { type BatchCase, readCase } from './batch-case.ts';
import type { Printed } from './printed.ts';
import { answerCases } from './read-cases.ts';

/** What one line of the answer holds, beside the name. */
type Answer =
  | { readonly plan: unknown; readonly overflow: unknown }
  | { readonly result: unknown }
  | { readonly error: BatchError };

interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly stage?: 'parse' | 'apply';
}

/** Answers a JSON array of cases with one line of JSON each, in their order. A case that fails is a line too. */
export function runBatch(text: string): Printed {
  return answerCases(text, (value) => answerTo(readCase(value)));
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
