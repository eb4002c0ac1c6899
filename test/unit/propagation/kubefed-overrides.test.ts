import { describe, expect, it } from 'vitest';
import type { HubOverride } from '../../../src/api/hub.ts';
import type { JsonObject } from '../../../src/base/index.ts';
import { applyOverrides } from '../../../src/propagation/plan/overrides.ts';
import { type MemberName, mergeReplicaOverrides } from '../../../src/scheduling/index.ts';
import cases from '../../cases/override-examples.json' with { type: 'json' };

interface OverrideCase {
  readonly name: string;
  readonly kind: 'jsonpatch' | 'dotted' | 'rspReplicas';
  readonly input: JsonObject;
  readonly overrides: readonly HubOverride[];
  readonly cluster: string;
  readonly replicas: Readonly<Record<string, number>>;
  readonly expected?: JsonObject;
  readonly expectedOverrides?: readonly HubOverride[];
  readonly error?: { readonly stage: string; readonly code: string };
}

describe("KubeFed's own examples of overrides", () => {
  it.each(cases as unknown as OverrideCase[])('$name', (example) => {
    const { kind, input, overrides, cluster, replicas, expected, expectedOverrides, error } = example;
    if (kind === 'rspReplicas') {
      expect(mergeReplicaOverrides(overrides, replicas)).toEqual(expectedOverrides);
      return;
    }
    const member = { name: cluster as MemberName, labels: {} };
    const before = structuredClone(input);
    const result = applyOverrides(input, overrides, member, [member], kind);
    if (error) expect(result).toMatchObject({ ok: false, failure: error });
    else expect(result).toEqual({ ok: true, value: expected });
    expect(input).toEqual(before);
  });
});
