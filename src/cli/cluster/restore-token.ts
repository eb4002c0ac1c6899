import { hashOf, type Json } from '../../base/index.ts';
import { type ClusterPlan, type JournalRecord, lastWordOn } from '../../provision/index.ts';

const restoreStep = 'cluster/restore-etcd';

/** A restore that was begun and came to no good end. */
export interface OpenRestore {
  readonly token: string;
  /** Hash of what it was to do. */
  readonly inputs: string;
}

export function openRestore(journal: readonly JournalRecord[]): OpenRestore | undefined {
  const last = lastWordOn(journal, restoreStep);
  if (!last || last.event === 'done' || last.event === 'undone') return undefined;
  const intent = journal.findLast(({ step, event }) => step === restoreStep && event === 'intent');
  const token = intent?.evidence['token'];
  // Without an intent it has changed nothing yet.
  return token && intent?.inputs === last.inputs ? { token, inputs: last.inputs } : undefined;
}

/** Whether this plan is the very restore that was begun: same source, same machines. Only then it may go on with its token. */
export function isSameRestore({ steps }: ClusterPlan, open: OpenRestore): boolean {
  const step = steps.find(({ id }) => id === restoreStep);
  return step !== undefined && hashOf(step.inputs as Json) === open.inputs;
}

/** Says when the restore was begun; no two are alike. */
export function newToken(now: number): string {
  return `restore-${new Date(now)
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')
    .toLowerCase()}`;
}
