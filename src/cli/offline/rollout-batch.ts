import { mapAt, oneOf } from './case-fields.ts';
import type { Printed } from './printed.ts';
import { answerCases } from './read-cases.ts';
import { capacityOps } from './rollout-batch-capacity.ts';
import { clusterChoiceOps } from './rollout-batch-clusters.ts';
import type { RolloutOps } from './rollout-batch-ops.ts';
import { strategyOps } from './rollout-batch-strategy.ts';
import { trafficOps } from './rollout-batch-traffic.ts';

/** What can be asked, by kind and op of a case. */
const kinds: Readonly<Record<string, RolloutOps>> = {
  capacity: capacityOps,
  traffic: trafficOps,
  clusterChoice: clusterChoiceOps,
  strategy: strategyOps,
};

/**
 * Answers a JSON array of cases about rollouts as Shipper does them, with one line of JSON each, in their
 * order. A case that fails is a line too.
 */
export function runRolloutBatch(text: string): Printed {
  return answerCases(text, (value) => {
    const fields = mapAt(value, 'the case');
    const ops = oneOf(kinds, fields['kind'], 'kind');
    const answer = oneOf(ops, fields['op'], 'op');
    return { result: answer(mapAt(fields['input'], 'input')) };
  });
}
