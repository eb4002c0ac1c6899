import { describe, expect, it } from 'vitest';
import { fnv1 } from '../../../src/base/index.ts';
import { divideReplicas } from '../../../src/scheduling/index.ts';
import cases from '../../cases/rsp-examples.json' with { type: 'json' };

interface DivisionCase {
  readonly name: string;
  readonly spec: Parameters<typeof divideReplicas>[0]['spec'];
  readonly clusters: readonly string[];
  readonly currentReplicas: Readonly<Record<string, number>>;
  readonly estimatedCapacity: Readonly<Record<string, number>>;
  readonly key: string;
  readonly expectedPlan: Readonly<Record<string, number>>;
  readonly expectedOverflow: Readonly<Record<string, number>>;
  readonly hashes?: Readonly<Record<string, number>>;
}

describe("KubeFed's own examples of a division", () => {
  it.each(cases as unknown as DivisionCase[])(
    '$name',
    ({ expectedPlan, expectedOverflow, hashes = {}, ...input }) => {
      expect(divideReplicas(input)).toEqual({ plan: expectedPlan, overflow: expectedOverflow });
      for (const [cluster, hash] of Object.entries(hashes)) expect(fnv1(cluster, input.key)).toBe(hash);
    },
  );
});
