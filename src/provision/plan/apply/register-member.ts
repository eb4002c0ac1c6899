import { hashOf, type Json } from '../../../base/index.ts';
import { type ClusterSpec, controlPlanes } from '../cluster-spec.ts';
import type { JournalRecord } from '../journal.ts';
import type { Draft } from './draft.ts';

/** Into the federation when all else is done, out of it as soon as the spec says so. */
export function registerMember(
  draft: Draft,
  spec: ClusterSpec,
  journal: readonly JournalRecord[],
  needs: readonly string[],
): void {
  const { register } = spec;
  const last = lastRegistration(journal);
  const isMember = last?.step === joining;
  if (register) {
    const inputs = { labels: register.labels, ...addressesOf(spec) };
    if (isMember && last.inputs === hashOf(inputs as Json)) return;
    draft.add({
      kind: 'register-member',
      title: 'join the federation',
      reason: isMember ? 'its labels, or the machines it is reached by, differ' : 'spec.register asks for it',
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

/** What kubeconfigs and hosts may know the API by: control planes' own addresses, where each machine has a proxy. */
export function addressesOf(spec: ClusterSpec): Readonly<Record<string, readonly string[]>> {
  if (spec.endpoint.mode !== 'LocalProxy') return {};
  return { planes: controlPlanes(spec).map(({ name, ssh }) => `${name} ${ssh.host}`) };
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
