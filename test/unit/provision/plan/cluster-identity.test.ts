import { describe, expect, it } from 'vitest';
import { knownClusterUid } from '../../../../src/provision/plan/cluster-identity.ts';
import type { JournalRecord } from '../../../../src/provision/plan/journal.ts';

function record(step: string, event: JournalRecord['event'], clusterUid?: string): JournalRecord {
  return {
    at: '2026-11-23T14:00:00Z',
    operation: 'apply',
    step,
    attempt: 1,
    event,
    inputs: '',
    evidence: clusterUid === undefined ? {} : { clusterUid },
    message: undefined,
  };
}

describe('which cluster it is that the machines made', () => {
  const made = [record('m1/init-control-plane', 'started'), record('m1/init-control-plane', 'done', 'first')];

  it('is what the first control plane said when it was made', () => {
    expect(knownClusterUid(made)).toBe('first');
  });

  it('is not known before', () => {
    expect(knownClusterUid(made.slice(0, 1))).toBeUndefined();
  });

  it('is open from a restore on, until the cluster was seen whole again', () => {
    const restored = [...made, record('cluster/restore-etcd', 'done')];
    expect(knownClusterUid(restored)).toBeUndefined();
    expect(knownClusterUid([...restored, record('cluster/verify-cluster', 'done', 'older')])).toBe('older');
  });
});
