import { hashOf, type Json } from '../../../base/index.ts';
import type { ClusterSpec } from '../cluster-spec.ts';
import type { JournalRecord } from '../journal.ts';
import type { Draft } from './draft.ts';

/** Into the federation when all else is done, out of it as soon as the spec says so. */
export function registerMember(
  draft: Draft,
  { register }: ClusterSpec,
  journal: readonly JournalRecord[],
  needs: readonly string[],
): void {
  const last = lastRegistration(journal);
  const isMember = last?.step === joining;
  if (register) {
    const inputs = { labels: register.labels };
    if (isMember && last.inputs === hashOf(inputs as Json)) return;
    draft.add({
      kind: 'register-member',
      title: 'join the federation',
      reason: isMember ? 'its labels differ' : 'spec.register asks for it',
      needs,
      inputs,
    });
    return;
  }
  if (!isMember) return;
  draft.add({
    kind: 'unregister-member',
    title: 'leave the federation',
    reason: 'the spec has no register any more',
  });
}

/** Whether a cluster that goes must be taken out of the federation first. */
export function isRegistered({ register }: ClusterSpec, journal: readonly JournalRecord[]): boolean {
  const last = lastRegistration(journal);
  return last ? last.step === joining : register !== undefined;
}

const joining = 'cluster/register-member';
const leaving = 'cluster/unregister-member';

function lastRegistration(journal: readonly JournalRecord[]): JournalRecord | undefined {
  return journal.findLast(({ step, event }) => event === 'done' && (step === joining || step === leaving));
}
