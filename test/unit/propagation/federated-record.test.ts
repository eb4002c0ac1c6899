import { describe, expect, it } from 'vitest';
import { addressOf, federatedGroups } from '../../../src/api/federated-kinds.ts';
import { pinsAnnotation } from '../../../src/api/rollout.hansa.dev/v1alpha1/words.ts';
import type { ObjectMeta } from '../../../src/kube/index.ts';
import { differsForMembers, federatedRecord } from '../../../src/propagation/federated-record.ts';
import { rowOf } from './builders.ts';

const row = rowOf('FederatedConfigMap');

function recordWith(metadata: Partial<ObjectMeta> = {}) {
  const source = addressOf(row, federatedGroups.current);
  return federatedRecord(row, source, {
    apiVersion: 'types.kubefed.io/v1beta1',
    kind: 'FederatedConfigMap',
    metadata: { name: 'a', namespace: 'shop', uid: 'u', generation: 1, ...metadata },
    spec: {},
  });
}

const pinned = (text: string) => recordWith({ annotations: { [pinsAnnotation]: text } });

describe('pins of a federated object', () => {
  const pins = { rollout: 'web', members: { m1: 'a' }, others: 'b' };

  it('are news for members when they change, and no news when they do not', () => {
    const before = pinned(JSON.stringify(pins));
    expect(before.pins).toEqual(pins);
    expect(differsForMembers(before, pinned(JSON.stringify(pins)))).toBe(false);
    expect(differsForMembers(before, pinned(JSON.stringify({ ...pins, members: {} })))).toBe(true);
    expect(differsForMembers(before, recordWith())).toBe(true);
  });

  it.each(['', '[]', '{}', 'null', '{"rollout":"web","members":{"m1":1},"others":"b"}'])(
    'are not taken for none where %s cannot be read',
    (text) => {
      expect(pinned(text).pins).toBe('unreadable');
    },
  );

  it('are none without the annotation', () => {
    expect(recordWith().pins).toBeUndefined();
  });
});

describe('labels of a federated object', () => {
  it('are news, since a RolloutPolicy may select it by them', () => {
    expect(differsForMembers(recordWith(), recordWith({ labels: { tier: 'a' } }))).toBe(true);
  });
});
