import type { JournalRecord } from './journal.ts';

/** Evidence of a step that has seen the cluster whole: the UID of its namespace kube-system. */
export const clusterUidEvidence = 'clusterUid';

/**
 * Which cluster the machines made, as the journal knows it; undefined: it doesn't. A restore may bring back another one
 * than was there before it, and until that was seen, any is taken.
 */
export function knownClusterUid(journal: readonly JournalRecord[]): string | undefined {
  const last = journal.findLast(
    ({ step, evidence }) => evidence[clusterUidEvidence] !== undefined || step === 'cluster/restore-etcd',
  );
  return last?.evidence[clusterUidEvidence];
}
