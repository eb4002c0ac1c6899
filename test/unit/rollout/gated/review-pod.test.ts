import { describe, expect, it } from 'vitest';
import { applyJsonPatch, type Json } from '../../../../src/base/index.ts';
import { type PodVerb, reviewPod } from '../../../../src/rollout/plan/gated/index.ts';

const newPod = (changes: { readonly metadata?: object; readonly spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'web-', labels: { app: 'web', 'pod-template-hash': 'abc' }, ...changes.metadata },
  spec: { containers: [{ name: 'main', image: 'web:2' }], ...changes.spec },
});

function reviewed(pod: unknown, verb: PodVerb = 'hold', isSteered = false) {
  const { response, outcome } = reviewPod({ uid: 'u1', object: pod }, { verb, isSteered });
  const patch = response.patch
    ? (JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8')) as { op: string; path: string }[])
    : [];
  const result = applyJsonPatch(pod as Json, patch);
  if (!result.ok) throw new Error(result.message);
  return { response, outcome, patch, pod: result.value as unknown as ReturnType<typeof newPod> };
}

describe('a pod of a new revision', () => {
  it('gets the gate and the mark, and is always allowed', () => {
    const { response, outcome, pod } = reviewed(newPod());
    expect(response).toMatchObject({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
    expect(outcome).toBe('held');
    expect(pod.spec).toMatchObject({ schedulingGates: [{ name: 'rollout.hansa.dev/step' }] });
    expect(pod.metadata).toMatchObject({ annotations: { 'rollout.hansa.dev/held': 'abc' } });
  });

  it('keeps the gates and annotations of others', () => {
    const { pod } = reviewed(
      newPod({ metadata: { annotations: { theirs: 'a' } }, spec: { schedulingGates: [{ name: 'quota' }] } }),
    );
    expect(pod.spec).toMatchObject({
      schedulingGates: [{ name: 'quota' }, { name: 'rollout.hansa.dev/step' }],
    });
    expect(pod.metadata).toMatchObject({ annotations: { theirs: 'a', 'rollout.hansa.dev/held': 'abc' } });
  });

  it('loses the traffic label that its template may carry', () => {
    const labels = { app: 'web', 'pod-template-hash': 'abc', 'rollout.hansa.dev/traffic': 'enabled' };
    const { pod } = reviewed(newPod({ metadata: { labels } }));
    expect(pod.metadata.labels).toEqual({ app: 'web', 'pod-template-hash': 'abc' });
  });

  it('waits for the word before it is Ready while traffic is steered', () => {
    expect(reviewed(newPod(), 'hold', true).pod.spec).toMatchObject({
      readinessGates: [{ conditionType: 'rollout.hansa.dev/traffic' }],
    });
    expect(reviewed(newPod()).pod.spec).not.toHaveProperty('readinessGates');
  });

  it('is changed once, however often it comes by', () => {
    for (const isSteered of [true, false]) {
      const once = reviewed(newPod(), 'hold', isSteered).pod;
      const again = reviewed(once, 'hold', isSteered);
      expect(again.patch).toEqual([]);
      expect(again.outcome).toBe('untouched');
    }
  });

  it('that has its node already can not wait', () => {
    const { pod, response } = reviewed(newPod({ spec: { nodeName: 'n1' } }));
    expect(response.allowed).toBe(true);
    expect(pod.spec).not.toHaveProperty('schedulingGates');
    expect(pod.metadata).not.toHaveProperty('annotations');
  });

  it('is told the same in a dry run', () => {
    const asked = { uid: 'u1', object: newPod() };
    expect(reviewPod({ ...asked, dryRun: true }, { verb: 'hold' })).toEqual(
      reviewPod(asked, { verb: 'hold' }),
    );
  });
});

describe('a pod of the stable revision', () => {
  it('gets traffic at once, and nothing else', () => {
    const { pod, outcome } = reviewed(newPod(), 'serve');
    expect(pod.metadata.labels).toMatchObject({ app: 'web', 'rollout.hansa.dev/traffic': 'enabled' });
    expect(pod.spec).toEqual(newPod().spec);
    expect(outcome).toBe('served');
    expect(reviewed(pod, 'serve').patch).toEqual([]);
  });
});

describe('anything else', () => {
  it.each([undefined, null, 'text', []])('is let through unchanged: %j', (object) => {
    expect(reviewPod({ uid: 'u1', object }, { verb: 'hold' }).response).toEqual({ uid: 'u1', allowed: true });
  });

  it('is let through when it is no creation', () => {
    const { outcome } = reviewPod({ uid: 'u1', operation: 'UPDATE', object: newPod() }, { verb: 'hold' });
    expect(outcome).toBe('untouched');
  });
});
