import type { JournalRecord } from '../journal.ts';
import { argumentsIn, clusterExists, type LiveConfiguration } from './configuration.ts';
import type { Draft } from './draft.ts';
import { isUnfinished } from './seats.ts';

/**
 * Tells the etcd of these machines that its cluster exists, once others are its peers: only then it could speak for more than
 * itself. Gives the id of the last step.
 */
export function fenceEtcd(
  draft: Draft,
  machines: readonly string[],
  {
    live,
    journal,
    after,
  }: {
    readonly live: LiveConfiguration;
    readonly journal: readonly JournalRecord[];
    readonly after: string | undefined;
  },
): string | undefined {
  const isFenced = argumentsIn(live, 'etcd', 'local').some(
    ({ name, value }) => name === clusterExists.name && value === clusterExists.value,
  );
  if (isFenced && !machines.some((machine) => isUnfinished(journal, `${machine}/fence-etcd`)))
    return undefined;
  let last = after;
  for (const machine of machines) {
    last = draft.add({
      kind: 'fence-etcd',
      machine,
      title: 'keep its etcd from beginning anew',
      reason: 'with an empty disk it would come up as a cluster of its own',
      needs: [last],
      exclusive: 'etcd',
      // Those that come later read kubeadm's configuration, so it may say so only when nobody is left without.
      inputs: { isLast: machine === machines.at(-1) },
    });
  }
  return last;
}
