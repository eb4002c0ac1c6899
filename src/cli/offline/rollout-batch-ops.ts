import type { JsonObject } from '../../base/index.ts';

/** Answers to the input of a case, by op. They throw a CaseProblem for input that they cannot read. */
export type RolloutOps = Readonly<Record<string, (input: JsonObject) => unknown>>;
